"""Decides when an unchanged time of a file proves that the file is unchanged.

File times advance in steps (a tick before Linux 6.13, a second or two on some file systems), so the
second of two changes within a step leaves no trace. The owner of a file can set its time of
modification back (utimensat(2)); nobody can set its time of change (ctime).
"""

import os
import time

_NANOSECONDS = 2_000_000_000  # the longest step of a file system (FAT: two seconds)


class Moment:
    """When a look at files began. Make it before calling stat(2)."""

    def __init__(self) -> None:
        self._now = time.time_ns()

    def are_proof(self, *times: int) -> bool:
        """True if all these times (nanoseconds) are so long ago that any later change will have
        another one. A time in the future, after a clock was set back, is no proof."""
        return all(self._now - at > _NANOSECONDS for at in times)


def times_of(seen: os.stat_result) -> tuple[int, int, int]:
    """The inode number and the times of modification and change: some differ after each change."""
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns
