"""Decides when an unchanged time of a file proves that the file is unchanged.

File times advance in steps (a tick of the kernel, a second or two on some file systems), so the
second of two changes within a step leaves no trace. The owner of a file can set its time of
modification back (utimensat(2)); nobody can set its time of change (ctime).
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

_NANOSECONDS = 2_000_000_000  # the longest step of a file system (FAT: two seconds)
_TICKS = 5  # CLOCK_REALTIME_COARSE (linux/time.h), which Python has no name for
_TRIALS = 5


class Moment:
    """When a look at files began. Make it before calling stat(2).

    `ticking`: the times of the files are known to be `are_ticks`.
    """

    def __init__(self, ticking: bool = False) -> None:
        now = time.clock_gettime_ns(_TICKS) if ticking else time.time_ns() - _NANOSECONDS
        self._settled = now

    def are_proof(self, *times: int) -> bool:
        """True if all these times (nanoseconds) are so long ago that any later change will have
        another one. A time in the future, after a clock was set back, is no proof."""
        return all(at < self._settled for at in times)


def are_ticks(folder: Path) -> bool:
    """True if files in this folder get their times, to the nanosecond, from the clock by which the
    kernel of this machine counts its ticks: no change after a moment has a time before it.

    Local file systems do so (inode_set_ctime_current in Linux). Nothing is left in the folder.
    """
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
        try:
            return sys.platform == "linux" and _has_ticks(handle)
        finally:
            os.close(handle)
    return False


def _has_ticks(handle: int) -> bool:
    """A busy machine may look at a clock late, and so take steps of a millisecond for ticks: but
    such steps are whole microseconds."""
    trials = [_changed_now(handle) for _ in range(_TRIALS)]
    fine = any(seen % 1000 for _, seen, _ in trials)
    return fine and all(before <= seen <= after for before, seen, after in trials)


def _changed_now(handle: int) -> tuple[int, int, int]:
    """The clock before a change, the time that the file got, the time afterwards."""
    before = time.clock_gettime_ns(_TICKS)
    os.fchmod(handle, 0o600)
    return before, os.fstat(handle).st_ctime_ns, time.time_ns()


def times_of(seen: os.stat_result) -> tuple[int, int, int]:
    """The inode number and the times of modification and change: some differ after each change."""
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns
