"""A finished cycle: its number, the digest of the history up to it, and its summary."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evolve_ai.model.tally import Counts, Totals


@dataclass(frozen=True, slots=True)
class Summary:
    """A cycle in numbers. Energy in thousandths; `seconds` by part of the cycle; `champion` is the
    id of the fittest agent at the end."""

    tick: int = 0
    alive: int = 0
    running: int = 0
    quarantined: int = 0
    born: int = 0
    died: int = 0
    generation_max: int = 0
    fitness_best: float | None = None
    fitness_mean: float | None = None
    energy: int = 0
    champion: str | None = None
    builds: Counts = field(default_factory=Counts)
    totals: Totals = field(default_factory=Totals)
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cycle:
    number: int
    digest: str
    summary: Summary
