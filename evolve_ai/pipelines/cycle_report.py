"""Owns what is told of a cycle that is over: what it came to, and how long its parts took."""

import time
from dataclasses import dataclass

from evolve_ai.stages.record import Summary


@dataclass(frozen=True, slots=True)
class CycleReport:
    """A cycle that has been recorded, for whoever watches."""

    cycle: int
    summary: Summary
    digest: str
    taints: tuple[str, ...]
    notes: tuple[str, ...] = ()  # what the user would want to know at once


class Stopwatch:
    """Seconds that each part of a cycle took."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._last, 6)
        self._last = now
