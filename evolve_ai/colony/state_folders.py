"""Checks the size of `state/`, the only folder that an agent may write to."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evolve_ai.colony.held_files import UncountedError, held_by
from evolve_ai.model.sandbox import STATE, AgentBox
from evolve_ai.system.moment import Moment, times_of

_BLOCK = 512  # bytes; stat(2)
_LOOKS = 16  # attempts before vanishing folders are no longer put down to chance


def see_to(folder: Path) -> None:
    """Make sure that the folder exists. OSError when something else lies there."""
    path = f"{folder}/{STATE}"
    with suppress(FileExistsError):
        os.mkdir(path, mode=0o755)  # noqa: PTH102 - a string is faster
    if not stat.S_ISDIR(os.lstat(path).st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it must be a folder, not a link", path)


class StateFolders:
    """Checks many state folders again and again. A folder that was empty, and surely unchanged
    since, is not read again. Removed files that the agent holds can grow without a trace in any
    folder, so they are counted each time. If it held none, it has to make one in an empty folder
    first, which changes that: in a whole box it can make no file elsewhere or without a name."""

    def __init__(self, box: AgentBox):
        self.box = box
        self._empty: dict[str, tuple[int, ...]] = {}
        self._holds_nothing: dict[str, tuple[int, ...]] = {}

    def excess(self, id: str, folder: Path, pid: int) -> str | None:
        """What exceeds the limits in the folder or in its removed files; None if nothing does."""
        path, moment = f"{folder}/{STATE}", Moment()
        try:
            seen = os.lstat(path)
            is_empty = self._empty.get(id) == times_of(seen)
            entries, used = (0, seen.st_blocks * _BLOCK) if is_empty else self._used(path)
            holds_nothing = is_empty and self._holds_nothing.get(id) == (pid, *times_of(seen))
            held = None if holds_nothing else held_by(pid, path)
        except FileNotFoundError:
            return None
        except _MovingError:
            return f"{STATE}/ holds folders that are moved whenever they are counted"
        except OSError as error:
            # Nobody makes a folder by accident that the user cannot list or that no path reaches.
            return f"{STATE}/ holds a folder that cannot be read: {error.strerror}"
        except UncountedError:
            return f"{STATE}/ held a file that was removed and is mapped into memory"
        if not entries and moment.are_proof(seen.st_mtime_ns, seen.st_ctime_ns):
            self._empty[id] = times_of(seen)
            if held is None and not self.box.lifted:
                self._holds_nothing[id] = (pid, *times_of(seen))
        if entries > self.box.state_files:
            return f"{STATE}/ holds more than the {self.box.state_files} files that are allowed"
        held = held or 0
        if used + held > self.box.state_bytes:
            removed = f" ({held} of them in removed files)" if held else ""
            allowed = self.box.state_bytes
            return f"{STATE}/ holds {used + held} bytes{removed}, {allowed} are allowed"
        return None

    def _used(self, path: str) -> tuple[int, int]:
        """(entries, counted up to one more than allowed; bytes on the disk)."""
        for _ in range(_LOOKS):
            entries, used = 0, os.lstat(path).st_blocks * _BLOCK
            with suppress(_MovingError):
                for found in _all_in(path):
                    entries, used = entries + 1, used + found.st_blocks * _BLOCK
                    if entries > self.box.state_files:
                        break
                return entries, used
        raise _MovingError


class _MovingError(Exception):
    """A folder vanished while it was counted: its content may have moved elsewhere."""


def _all_in(path: str) -> Iterator[os.stat_result]:
    waiting = [path]
    while waiting:
        at = waiting.pop()
        try:
            with os.scandir(at) as listed:
                for entry in listed:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    # A file that vanishes now existed too briefly to count.
                    with suppress(FileNotFoundError):
                        yield entry.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError) as error:
            if at == path:
                raise
            raise _MovingError from error
