"""Notices that the folder of a task or of its project was moved, or that the task was edited."""

import time
from collections.abc import Iterator
from pathlib import Path

from evolve_ai.model.candidate import hash_of
from evolve_ai.model.errors import MachineError
from evolve_ai.session.search_project import TaskFolder
from evolve_ai.state.opening import file_of
from evolve_ai.system.files import read_regular
from evolve_ai.system.task_names import TASK_FILE

SECONDS = 2.0  # between two looks at all files of a task
_LARGEST = 1 << 30  # bytes of a file that is read again

_Stamp = tuple[int, int, int]


class SameTask:
    """What a run began with: which folders these were, and the stamps of the task's files."""

    def __init__(self, root: Path, found: TaskFolder):
        self._folder = found.folder
        # A program that was given to the API lies in no folder.
        folders = [found.folder, root] if found.folder.is_absolute() else [root]
        self._folders = {folder: file_of(folder) for folder in folders}
        self._known = dict(_hashes(found)) if found.folder.is_absolute() else {}
        self._stamps = {path: _stamp(self._folder / path) for path in self._known}
        settings = self._folder / TASK_FILE
        if self._known and TASK_FILE not in self._known:
            self._known[TASK_FILE] = _hash(settings)
            self._stamps[TASK_FILE] = _stamp(settings)
        self._looked = time.monotonic()
        self._edited: set[str] = set()

    def moved(self) -> Path | None:
        """The folder that is not the one any more that the run began with."""
        for folder, known in self._folders.items():
            if file_of(folder) != known:
                return folder
        return None

    def check(self) -> None:
        """MachineError where one was moved: no result since then can be believed."""
        folder = self.moved()
        if folder is not None:
            raise MachineError(
                "this folder was moved, deleted or replaced while the search ran in it",
                where=folder,
                todo="no trial since then counts; give evolve improve the folder where it is now, "
                "and the search goes on",
            )

    def edited(self, last: bool = False) -> tuple[str, ...]:
        """Files of the task that are not what the run has read, each told once. It looks now and
        then, and when it is the last time."""
        if not last and time.monotonic() - self._looked < SECONDS:
            return ()
        self._looked = time.monotonic()
        new = sorted(path for path in self._stamps if self._differs(path))
        self._edited.update(new)
        return tuple(new)

    def _differs(self, path: str) -> bool:
        if path in self._edited:
            return False
        stamp = _stamp(self._folder / path)
        if stamp == self._stamps[path]:
            return False
        self._stamps[path] = stamp
        return _hash(self._folder / path) != self._known[path]


def _hashes(found: TaskFolder) -> Iterator[tuple[str, str]]:
    files = found.files
    yield from files.fixed.items()
    yield from files.hidden.items()
    yield from ((path, hash_of(data)) for path, data in files.initial.items())


def _stamp(path: Path) -> _Stamp | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def _hash(path: Path) -> str:
    """ "" for a file that cannot be read."""
    try:
        return hash_of(read_regular(path.resolve(), _LARGEST))
    except OSError:
        return ""
