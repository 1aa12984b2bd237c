"""Packs the library and the kernel of a template into one file: agents have a copy of it each.

A module may stand in its own file or, with the same meaning, in braces (Rust Reference, "Modules").
So each `mod x;` becomes `mod x { ... }` with the bytes of its file, and a folder of an agent needs
one file where the template has many.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from evolve_ai.substrates.rust import syntax
from evolve_ai.system.agent_folder import SOURCE_LIMIT

# Macros that tell, or depend on, in which file and line they stand.
_INCLUDES = frozenset({"include", "include_str", "include_bytes"})
_PLACES = frozenset({"file", "line", "column"})
_SUSPECT = re.compile(
    rb"\binclude(_str|_bytes)?\b|\b(file|line|column)\s*(!|/|as\b)|\bpath\s*(=|/|,|\))"
)
_SHEBANG = re.compile(rb"#!(?!\s*\[)")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DEEP = 10_000
_HEADER = b"// The library and the kernel of the template in one file, the same in all agents.\n"


class _OtherMeaningError(Exception):
    """What may mean something else, or nothing, in another file."""


def packed(files: Mapping[str, bytes], root: str) -> dict[str, bytes]:
    """One file, `root`, in which every other file of these stands in place of its `mod x;`.

    All as it was if a file is no module of `root`, names its place (`#[path]`, `include!`,
    `line!`, ...), or if the one file became too large for an agent's folder.
    """
    left = dict(files)
    try:
        data = _Packer(files, left).inlined(root, root.rpartition("/")[0])
    except _OtherMeaningError:
        return dict(files)
    data = _HEADER + data
    sound = not syntax.parse(data).root_node.has_error
    return {root: data} if sound and not left and len(data) <= SOURCE_LIMIT else dict(files)


@dataclass(frozen=True, slots=True)
class _Packer:
    """`left` are those of the files that stand in no other one yet."""

    files: Mapping[str, bytes]
    left: dict[str, bytes]

    def inlined(self, path: str, home: str) -> bytes:
        """A file with its modules, which lie in the folder `home`."""
        code = self.left.pop(path)
        _check(code)
        pieces: list[tuple[int, bytes]] = []  # where the `;` of a module stands, what replaces it
        waiting = [(syntax.parse(code).root_node, home)]
        while waiting:
            scope, folder = waiting.pop()
            for item in scope.children:
                name = item.child_by_field_name("name")
                if item.type != "mod_item" or name is None:
                    continue
                inside = f"{folder}/{syntax.plain(syntax.text_of(name))}"
                body = item.child_by_field_name("body")
                if body is not None:
                    waiting.append((body, inside))
                elif file := self._file_of(inside):
                    pieces.append((item.end_byte - 1, _in_braces(self.inlined(file, inside))))
        for at, piece in sorted(pieces, reverse=True):
            code = code[:at] + piece + code[at + 1 :]
        return code

    def _file_of(self, module: str) -> str | None:
        """Which file holds a module; None if none does: the genes are not ours to write here."""
        found = [path for path in (f"{module}.rs", f"{module}/mod.rs") if path in self.files]
        if len(found) > 1 or any(path not in self.left for path in found):
            raise _OtherMeaningError  # two files, or two declarations
        return found[0] if found else None


def _in_braces(code: bytes) -> bytes:
    end = b"" if code.endswith(b"\n") else b"\n"
    return b" {\n" + code + end + b"}"


def _check(code: bytes) -> None:
    if code.startswith(_BYTE_ORDER_MARK) or _SHEBANG.match(code):
        raise _OtherMeaningError
    if not _SUSPECT.search(code):
        return
    tree = syntax.SourceTree(code, _DEEP)
    attributes = [*tree.kinds["attribute_item"], *tree.kinds["inner_attribute_item"]]
    names_place = (
        tree.too_deep is not None
        or not _INCLUDES.isdisjoint(tree.words)
        or any(word in _PLACES and after == "!" for word, after in pairwise(tree.words))
        or any(_is_placed(one.segments) for one in tree.imports())
        or any(token.text == "path" for one in attributes for token in syntax.tokens(one))
    )
    if names_place:
        raise _OtherMeaningError


def _is_placed(segments: tuple[str, ...]) -> bool:
    """Is it one of those macros that a `use` names?"""
    return segments[:1] in (("std",), ("core",)) and segments[-1] in _INCLUDES | _PLACES
