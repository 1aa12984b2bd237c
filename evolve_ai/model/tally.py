"""Counts of a population: for a cycle, and over all runs since its founding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NO_HISTORY = "0" * 64  # the digest before the first cycle


@dataclass(frozen=True, slots=True)
class Counts:
    """Builds of a cycle: requested = compiled + reused + failed.

    Reused are builds without a compiler: also a new wiring whose genes are all in stored batches.
    """

    requested: int = 0
    compiled: int = 0
    reused: int = 0
    failed: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(
            self.requested + other.requested,
            self.compiled + other.compiled,
            self.reused + other.reused,
            self.failed + other.failed,
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts since the founding, over all runs."""

    born: int = 0
    died: int = 0
    restarts: int = 0
    builds: Counts = field(default_factory=Counts)

    def plus(self, tally: "Tally") -> "Totals":
        died, restarts = self.died + tally.died, self.restarts + tally.restarts
        builds = self.builds.plus(tally.builds)
        return replace(self, died=died, restarts=restarts, builds=builds)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Totals":
        return cls(data["born"], data["died"], data["restarts"], Counts(**data["builds"]))


@dataclass(frozen=True, slots=True)
class Tally:
    """Committed counts since the last cycle was committed, during the present cycle."""

    restarts: int = 0
    builds: Counts = field(default_factory=Counts)
    died: int = 0  # killed by an operator

    def plus(self, restarts: int, builds: Counts) -> "Tally":
        return replace(self, restarts=self.restarts + restarts, builds=self.builds.plus(builds))

    def killed(self, count: int) -> "Tally":
        return replace(self, died=self.died + count)

    @classmethod
    def from_json(cls, text: str | None) -> "Tally":
        if not text:
            return cls()
        data = json.loads(text)
        return cls(data["restarts"], Counts(**data["builds"]), data.get("died", 0))
