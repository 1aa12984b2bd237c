"""The report of a finished cycle: its results and the time that each part took."""

import time
from dataclasses import dataclass

from evolve_ai.model.cycle import Summary

PAUSE = "pause"  # the part of a cycle before its work: sleep, and operator commands


@dataclass(frozen=True, slots=True)
class CycleReport:
    """A cycle that was recorded."""

    cycle: int
    summary: Summary
    digest: str
    taints: tuple[str, ...]
    notes: tuple[str, ...] = ()  # lines to show the user at once

    @property
    def seconds(self) -> float:
        """The time since the previous cycle was recorded, without the pause between the two."""
        return sum(took for part, took in self.summary.seconds.items() if part != PAUSE)


class Stopwatch:
    """Seconds that each part of something took; parts follow one another without a gap."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Add the time since the last lap to this part."""
        now = time.monotonic()
        self.laps[name] = round(self.laps.get(name, 0.0) + now - self._last, 6)
        self._last = now

    def take(self) -> dict[str, float]:
        """The parts so far; the count starts again."""
        laps, self.laps = self.laps, {}
        return laps
