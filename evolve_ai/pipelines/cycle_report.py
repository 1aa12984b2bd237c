"""What is told of a cycle that is over: what it came to, and how long it took."""

import time
from dataclasses import dataclass

from evolve_ai.model.cycle import Summary

PAUSE = "pause"  # the part of a cycle that is none of its work: sleep, and commands


@dataclass(frozen=True, slots=True)
class CycleReport:
    """A cycle that has been recorded, for whoever watches."""

    cycle: int
    summary: Summary
    digest: str
    taints: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what the user would want to know at once

    @property
    def seconds(self) -> float:
        """All that it took since the cycle before was on record, but for the pause between them."""
        return sum(took for part, took in self.summary.seconds.items() if part != PAUSE)


class Stopwatch:
    """Seconds that each part of something took, one part after the other, with no gap between."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """What has passed since the last lap belongs to this part, beside what it has already."""
        now = time.monotonic()
        self.laps[name] = round(self.laps.get(name, 0.0) + now - self._last, 6)
        self._last = now

    def take(self) -> dict[str, float]:
        """The parts so far; they begin anew."""
        laps, self.laps = self.laps, {}
        return laps
