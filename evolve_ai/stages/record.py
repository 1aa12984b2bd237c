"""Owns the verb record: what a cycle leaves in the registry, and the digest of history."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.stages.build import Counts

NO_HISTORY = "0" * 64


@dataclass(frozen=True, slots=True)
class Totals:
    """Counted since the founding, over all runs."""

    born: int = 0
    died: int = 0
    restarts: int = 0
    builds: Counts = field(default_factory=Counts)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Totals":
        return cls(data["born"], data["died"], data["restarts"], Counts(**data["builds"]))


@dataclass(frozen=True, slots=True)
class Summary:
    """A cycle in numbers, as its event and its row in the registry hold them."""

    tick: int
    alive: int
    running: int
    quarantined: int
    born: int
    died: int
    generation_max: int
    fitness_best: float | None
    fitness_mean: float | None
    energy: int
    builds: Counts
    totals: Totals
    seconds: Mapping[str, float]


def digest(
    before: str,
    cycle: int,
    living: Iterable[AgentRecord],
    born: Iterable[AgentRecord],
    dead: Iterable[AgentRecord],
) -> str:
    """The next link of the chain: births, deaths, genomes and energies, in an order of their own.

    What depends on the outside (pids, times, counts of workers) has no part in it.
    """
    body = [
        before,
        cycle,
        sorted((r.id, r.genome_hash, r.place, r.parents) for r in born),
        sorted((r.id, r.cause) for r in dead),
        sorted((r.id, r.energy, r.genome_hash, r.state is State.QUARANTINED) for r in living),
    ]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def changed(
    before: Mapping[str, AgentRecord], after: Iterable[AgentRecord]
) -> tuple[AgentRecord, ...]:
    """The records that are not what they were: all that a commit must write."""
    return tuple(record for record in after if before.get(record.id) != record)


def summary_of(
    tick: int,
    living: Sequence[AgentRecord],
    born: int,
    died: int,
    builds: Counts,
    totals: Totals,
    seconds: Mapping[str, float],
) -> Summary:
    fitness = [r.fitness for r in living if r.fitness is not None]
    return Summary(
        tick=tick,
        alive=len(living),
        running=sum(1 for r in living if r.state is State.RUNNING),
        quarantined=sum(1 for r in living if r.state is State.QUARANTINED),
        born=born,
        died=died,
        generation_max=max((r.generation for r in living), default=0),
        fitness_best=max(fitness, default=None),
        fitness_mean=sum(fitness) / len(fitness) if fitness else None,
        energy=sum(r.energy for r in living),
        builds=builds,
        totals=totals,
        seconds=seconds,
    )
