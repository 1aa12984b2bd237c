"""Owns agent.log: opened safely for a new process, cut when too long, quoted when one dies."""

import os
import stat
from pathlib import Path

from evolve_ai.system.pipes import above_the_child

NAME = "agent.log"
MAX_BYTES = 1024 * 1024
_QUOTE = 200
_TAIL = 4096
_HINT = "note: "
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_log(folder: Path) -> tuple[int, int]:
    """A descriptor that appends, and the size so far. A link or pipe laid there is replaced."""
    path = folder / NAME
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            path.unlink()
    except FileNotFoundError:
        pass
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFE
    handle = above_the_child(os.open(path, flags, 0o644))
    return handle, os.fstat(handle).st_size


def trim(folder: Path, limit: int = MAX_BYTES) -> bool:
    """Keep the last half of a log that has grown beyond `limit` bytes.

    Copy and truncate, since the agent goes on appending to the same file; what it writes in
    that instant may be lost.
    """
    path = folder / NAME
    try:
        found = path.lstat()
        if found.st_size <= limit or not stat.S_ISREG(found.st_mode):
            return False
        handle = os.open(path, os.O_RDWR | os.O_APPEND | _SAFE)
    except OSError:
        return False
    try:
        size = os.fstat(handle).st_size
        kept = os.pread(handle, limit // 2, max(0, size - limit // 2))
        os.ftruncate(handle, 0)
        os.write(handle, kept[kept.find(b"\n") + 1 :])
        return True
    except OSError:
        return False
    finally:
        os.close(handle)


def last_words(folder: Path, since: int) -> str:
    """The last two lines of the log written after this offset, as one printable line."""
    try:
        handle = os.open(folder / NAME, os.O_RDONLY | _SAFE)
    except OSError:
        return ""
    try:
        size = os.fstat(handle).st_size
        start = max(since if since <= size else 0, size - _TAIL)
        text = os.pread(handle, _TAIL, start).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(handle)
    # A panic names its place on one line and its message on the next; then come hints.
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(_HINT)]
    quote = " ".join(lines[-2:])[-_QUOTE:]
    return "".join(char if char.isprintable() else "?" for char in quote)
