"""Times deadlines that begin anew after a gap in which this process did not run.

A stopped process (SIGSTOP), a paused virtual machine or a suspended laptop finds all its
deadlines over when it goes on, and those whom it waits for may have stood still with it. So
whoever waits asks at least every STEP seconds; when much more than that has passed, and we have
used next to no processor meanwhile, nobody is late.
"""

import time

STEP = 0.5  # the longest wait between two looks at a deadline
_GAP = 2.0  # seconds between two looks that no busy machine explains alone
_IDLE = 0.1  # of them that a process on a crowded machine gets at least


class Gaps:
    """Notices that we did not run."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def met(self) -> bool:
        """Since this was asked last."""
        wall, cpu = time.monotonic(), time.process_time()
        passed, used = wall - self._wall, cpu - self._cpu
        self._wall, self._cpu = wall, cpu
        return passed > _GAP and used < _IDLE * passed


class Patience:
    """So many seconds from now on, begun anew after each gap."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._gaps = Gaps()
        self.renew()

    def renew(self) -> None:
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds, 0 or less when it is over."""
        if self._gaps.met():
            self.renew()
        return self._end - time.monotonic()

    @property
    def step(self) -> float:
        """How long to wait before the next look."""
        return max(0.0, min(self.left, STEP))
