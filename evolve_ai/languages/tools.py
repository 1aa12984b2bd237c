"""Finds the tools of a language on this machine, and asks for their versions."""

import os
import shutil
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from tree_sitter import Language as Grammar

from evolve_ai.contracts.language import Check
from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.tools import tool_environment

_LIMITS = Limits(total=20.0, silence=20.0)


def grammar_of(module: str, function: str = "language") -> Grammar:
    """That of a package of tree-sitter, which is imported only when it is asked for."""
    return Grammar(getattr(import_module(module), function)())


def found_tool(names: Sequence[str], todo: str) -> Path:
    """The first of these programs that is on the PATH. ToolchainError where none is."""
    for name in names:
        if path := shutil.which(name, path=tool_environment(os.environ)["PATH"]):
            return Path(path)
    raise ToolchainError(f"there is no {' or '.join(f'`{name}`' for name in names)}", todo=todo)


def version_line(program: Path, words: Sequence[str], todo: str) -> str:
    """The first line of what a program says of its version. ToolchainError when it fails."""
    told = f"`{program.name} {' '.join(words)}`"
    try:
        done = run_command(
            [str(program), *words],
            cwd=Path("/"),
            env=_environment(),
            limits=_LIMITS,
        )
    except OSError as error:
        raise ToolchainError(f"{told} cannot be run: {error.strerror}", todo=todo) from error
    if done.ending is not Ending.EXITED:
        raise ToolchainError(f"{told} has not answered for {done.seconds:.0f} s", todo=todo)
    if done.code:
        why = done.stderr.decode(errors="replace").strip()[:300] or f"exit status {done.code}"
        raise ToolchainError(f"{told} failed: {why}", todo=todo)
    return (done.stdout.decode(errors="replace").splitlines() or [""])[0].strip()


def _environment() -> dict[str, str]:
    """Go writes to a cache, and asks where."""
    kept = ("GOROOT", "GOPATH", "GOCACHE", "GOTOOLCHAIN")
    return {
        **tool_environment(os.environ),
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


class Compiled:
    """The toolchain of a language with one program: found by its names, asked for its version.

    What it shares with others of contracts.language.Language; `home` is the project.
    """

    name: str
    hints: str
    programs: tuple[str, ...]
    version_words: tuple[str, ...] = ("--version",)

    def __init__(self, home: Path | None = None):
        self._home = home

    def program(self) -> Path:
        return found_tool(self.programs, self.hints)

    def checks(self) -> Sequence[Check]:
        return [(self.programs[0], partial(self.toolchain))]

    def toolchain(self) -> str:
        return version_line(self.program(), self.version_words, self.hints)
