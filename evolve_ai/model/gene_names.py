"""Where the gene files of a language lie, and what they and their functions may be called."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class GeneNames:
    """`folder` is relative to an agent's own, with a slash at its end; `suffix` has its dot.

    `separator` stands between a file and a function where both are told to a reader.
    """

    folder: str
    suffix: str
    reserved: frozenset[str] = frozenset()  # words that can name neither a file nor a function
    separator: str = "."

    def is_name(self, word: str) -> bool:
        """Can a file (without its suffix) or a function be called so?"""
        return _NAME.fullmatch(word) is not None and word not in self.reserved

    def is_path(self, path: str) -> bool:
        """Is this the path of a gene file, relative to an agent's folder?"""
        end = len(path) - len(self.suffix)
        inside = path.startswith(self.folder) and path.endswith(self.suffix)
        return inside and self.is_name(path[len(self.folder) : end])

    def path_of(self, name: str) -> str:
        return f"{self.folder}{name}{self.suffix}"

    def name_of(self, path: str) -> str:
        """Of a path that is one."""
        return path.removeprefix(self.folder).removesuffix(self.suffix)

    def call(self, path: str, function: str) -> str:
        """A gene, as a reader is told of it: "neural::run"."""
        return f"{self.name_of(path)}{self.separator}{function}"

    @property
    def form(self) -> str:
        """What a path looks like."""
        return f"{self.folder}<name>{self.suffix}"
