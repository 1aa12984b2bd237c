"""Counts the disk space of removed files that a process still holds: no folder shows those."""

import os
import stat
from contextlib import suppress

_BLOCK = 512  # bytes; stat(2)
_REMOVED = b" (deleted)\n"  # proc_pid_maps(5)


class UncountedError(Exception):
    """A process holds a removed file whose size cannot be found out."""


def held_by(pid: int, folder: str) -> int | None:
    """Bytes on the disk of removed files that this process has open; None if it has none, or is
    gone.

    Raises UncountedError if it has mapped a removed file of this folder into memory and closed it:
    only the number of such a file is known, not its size (proc_pid_maps(5)).
    """
    found: dict[tuple[int, int], int] = {}
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as handles:
        for handle in handles:
            with suppress(OSError):  # it has just been closed
                told = handle.stat()
                if stat.S_ISREG(told.st_mode) and told.st_nlink == 0:
                    found[told.st_dev, told.st_ino] = told.st_blocks * _BLOCK
    if not _mapped(pid, folder) <= found.keys():
        raise UncountedError
    return sum(found.values()) if found else None


def _mapped(pid: int, folder: str) -> set[tuple[int, int]]:
    """Device and inode number of each removed file of this folder in its memory."""
    found = set()
    with suppress(OSError), open(f"/proc/{pid}/maps", "rb", buffering=0) as maps:
        for line in maps.readall().splitlines(keepends=True):
            if not line.endswith(_REMOVED):
                continue
            _, _, _, device, number, path = line.split(None, 5)
            if path.startswith(f"{folder}/".encode("utf-8", "surrogateescape")):
                major, minor = (int(part, 16) for part in device.split(b":"))
                found.add((os.makedev(major, minor), int(number)))
    return found
