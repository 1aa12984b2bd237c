"""Reads and clears the folder that builds write in, where all may be hostile but what we find good.

A build script may leave whatever it likes there: folders a thousand deep or shut to their owner,
pipes, links, crates without end. What cargo needs of it lies at known places, three levels deep.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.files import opened_regular, storage_errors
from evolve_ai.system.trees import empty_tree, opened_for_owner, remove_tree, walk

MAX_PROGRAM = 2**30  # bytes; one with all of a pool's genes has half a million
MAX_CRATES = 50_000  # compiled; a template of a thousand has some 3,000
RELEASE = "release"
TODO = "see which crate of the template writes there while it is built"
_CRATES = "deps"  # the folder that they are in
_COMPILED = (".rlib", ".rmeta")
_SCRATCH = "scratch"


class Target:
    """Cargo's target folder, of one profile, for this machine or for others by their names."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.scratch = folder / _SCRATCH

    def make_ready(self) -> None:
        """Have all folders open to us again, nothing in there that a compiler would wait for, and
        an empty folder for what compilers and linkers keep for the moment. StorageError if not."""
        with storage_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(_is_strange(found.st_mode) for found in walk(self.folder, mend=True)):
                empty_tree(self.folder)
            remove_tree(self.scratch)
            self.scratch.mkdir()

    def empty(self) -> None:
        """Forget everything compiled. StorageError, with the place, where that cannot be."""
        if os.path.lexists(self.folder):
            with opened_for_owner(self.folder):
                pass
            empty_tree(self.folder)

    def made(self, program: Path) -> Path:
        """The binary that cargo says it made, if it is what it should be: a plain file of sane
        size in here, without a link on the way. ToolchainError if not."""
        folder = self.folder.resolve()
        try:
            inside = program.is_relative_to(self.folder)
            if not inside or program.resolve() != folder / program.relative_to(self.folder):
                raise OSError(0, "it is a link, or lies elsewhere")
            with opened_regular(program, MAX_PROGRAM):
                pass
        except OSError as error:
            raise ToolchainError(
                f"what was built is no program: {error.strerror}", where=program, todo=TODO
            ) from error
        return program

    def forget(self, crate: str) -> None:
        """Remove what was made of a crate of ours, so that it is compiled again."""
        for place in self._places():
            for name in [name for name in _names(self.folder, *place) if crate in name]:
                remove_tree(self.folder.joinpath(*place, name))

    def crates(self) -> Iterator[tuple[str, Path]]:
        """Compiled crates, by their paths in here; links are not followed. ToolchainError if there
        are more than any template needs."""
        number = 0
        for place in self._places():
            for name in _names(self.folder, *place) if place[-1] == _CRATES else ():
                if name.endswith(_COMPILED):
                    path = "/".join((*place, name))
                    number += 1
                    if number > MAX_CRATES:
                        told = f"a build has left more than {MAX_CRATES} compiled crates"
                        raise ToolchainError(told, where=self.folder, todo=TODO)
                    yield path, self.folder / path

    def _places(self) -> Iterator[tuple[str, ...]]:
        """Folders that cargo keeps: for this machine, and for others in a folder of their name."""
        machines = [(name,) for name in _names(self.folder)]
        for machine in ((), *machines):
            for inside in (_CRATES, ".fingerprint", "build", ""):
                yield (*machine, RELEASE, inside) if inside else (*machine, RELEASE)


def _names(folder: Path, *inner: str) -> Iterator[str]:
    """What lies in a folder (in that one), if there is one, and no link on the way."""
    with suppress(OSError), ExitStack() as way:
        at = way.enter_context(opened_for_owner(folder))
        for name in inner:
            at = way.enter_context(opened_for_owner(name, at))
        with os.scandir(at) as entries:
            yield from (entry.name for entry in entries)


def _is_strange(mode: int) -> bool:
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))
