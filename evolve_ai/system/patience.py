"""Measures deadlines that start again after a gap in which this process did not run.

After a stop (SIGSTOP), a paused virtual machine or a suspended laptop, all deadlines of a process
are over, though the processes that it waits for may have stood still, too. So a waiting process
must ask at least every STEP seconds; when much more time has passed, and this process has used next
to no processor time meanwhile, nobody is late.
"""

import time

STEP = 0.5  # seconds; the longest wait between two checks of a deadline
_GAP = 2.0  # seconds between two checks that a busy machine alone does not explain
_IDLE = 0.1  # the least share of them that a process gets on a busy machine
_FRESH = 0.1  # seconds that one look at the clocks serves for: that of processor time is slow


class Gaps:
    """Notices that this process did not run for a while."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def met(self) -> bool:
        """True if there was a gap since the last call."""
        wall = time.monotonic()
        passed = wall - self._wall
        if passed < _FRESH:
            return False
        cpu = time.process_time()
        used = cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return passed > _GAP and used < _IDLE * passed


class Patience:
    """A deadline in so many seconds, started again after each gap."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._gaps = Gaps()
        self.renew()

    def renew(self) -> None:
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds left; 0 or less when it is over."""
        if self._gaps.met():
            self.renew()
        return self._end - time.monotonic()

    @property
    def step(self) -> float:
        """Seconds to wait before the next check."""
        return max(0.0, min(self.left, STEP))
