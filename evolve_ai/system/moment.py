"""Says when an unchanged time of a file proves that the file is unchanged.

Kernels tell times in steps (a tick before Linux 6.13, a second or two on some file systems), so of
two changes within a step the second one leaves no trace. And who owns a file sets its time of
modification to what it was (utimensat(2)); its time of change (ctime) nobody sets.
"""

import os
import time

_NANOSECONDS = 2_000_000_000  # longer than the step of any file system (FAT has two seconds)


class Moment:
    """When a look began. Take it before stat(2) is asked."""

    def __init__(self) -> None:
        self._now = time.time_ns()

    def are_proof(self, *times: int) -> bool:
        """Were these times (nanoseconds) so long ago that any later change has another one? One in
        the future, after a clock was set back, was not."""
        return all(self._now - at > _NANOSECONDS for at in times)


def times_of(seen: os.stat_result) -> tuple[int, int, int]:
    """What is another one after each change: number, and times of modification and of change."""
    return seen.st_ino, seen.st_mtime_ns, seen.st_ctime_ns
