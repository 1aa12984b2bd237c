"""Prepares agent.log for a new process, cuts it when it is too long, and quotes its last lines."""

import errno
import os
import stat
from pathlib import Path

NAME = "agent.log"
MAX_BYTES = 1024 * 1024
_QUOTE = 200
_TAIL = 4096
_HINT = "note: "
_SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def prepare(folder: Path, limit: int = MAX_BYTES) -> int:
    """Make sure that a process can append to the log, and return its size in bytes.

    A link or a pipe in its place is removed. A log that an earlier life has filled is cut:
    otherwise the first word of the new process would exceed the limit and end it.
    """
    path = f"{folder}/{NAME}"
    try:
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        if not stat.S_ISREG(found.st_mode):
            os.unlink(path)  # noqa: PTH108 - a string is faster
            return 0
        if trim(folder, limit):
            found = os.lstat(path)
    except FileNotFoundError:
        return 0
    return found.st_size


def trim(folder: Path, limit: int = MAX_BYTES) -> bool:
    """Keep the last half of a log that is longer than `limit` bytes; True if it was cut.

    The log is copied and truncated, since the agent goes on appending to the same file. What the
    agent writes in that instant may be lost.
    """
    path = f"{folder}/{NAME}"  # a string is faster: thousands of logs are looked at
    try:
        found = os.lstat(path)
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
    # A panic prints its place on one line and its message on the next; hints follow.
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(_HINT)]
    quote = " ".join(lines[-2:])[-_QUOTE:]
    return "".join(char if char.isprintable() else "?" for char in quote)
