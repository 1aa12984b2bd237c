"""Owns `state/`, the one folder that an agent may write in: that it is one, and what it holds."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from evolve_ai.colony.held_files import UncountedError, held_by
from evolve_ai.model.sandbox import STATE, AgentBox

_BLOCK = 512  # bytes; stat(2)


def see_to(folder: Path) -> None:
    """OSError when something else lies there."""
    path = folder / STATE
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o755)
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise NotADirectoryError(errno.ENOTDIR, "it has to be a folder, and no link", str(path))


class StateFolders:
    """Looks at many of them again and again. One that was empty and was not touched since is not
    opened, where its agent held no removed files either."""

    def __init__(self, box: AgentBox):
        self.box = box
        self._empty: dict[str, int] = {}

    def excess(self, id: str, folder: Path, pid: int) -> str | None:
        """What is too much in there, and in files of it that were removed, or None."""
        path = f"{folder}/{STATE}"
        try:
            changed = os.lstat(path).st_mtime_ns
            if self._empty.get(id) == changed:
                return None
            entries, used = self._used(path)
            held = held_by(pid, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            # Nobody makes a folder by accident that its own user cannot list, or no path leads to.
            return f"{STATE}/ holds a folder that cannot be looked into: {error.strerror}"
        except UncountedError:
            return f"{STATE}/ held a file that was removed and is mapped into memory"
        self._empty.pop(id, None)
        if not entries and not held:
            self._empty[id] = changed
        if entries > self.box.state_files:
            return f"{STATE}/ holds more than the {self.box.state_files} files that are allowed"
        if used + held > self.box.state_bytes:
            removed = f" ({held} of them in removed files)" if held else ""
            allowed = self.box.state_bytes
            return f"{STATE}/ holds {used + held} bytes{removed}, {allowed} are allowed"
        return None

    def _used(self, path: str) -> tuple[int, int]:
        """Entries, as far as they are allowed and one more, and bytes on the disk."""
        entries, used = 0, os.lstat(path).st_blocks * _BLOCK
        for found in _all_in(path):
            entries, used = entries + 1, used + found.st_blocks * _BLOCK
            if entries > self.box.state_files:
                break
        return entries, used


def _all_in(path: str) -> Iterator[os.stat_result]:
    waiting = [path]
    while waiting:
        # What goes while we look was there too short a time to count.
        with contextlib.suppress(FileNotFoundError), os.scandir(waiting.pop()) as listed:
            for entry in listed:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                with contextlib.suppress(FileNotFoundError):
                    yield entry.stat(follow_symlinks=False)
