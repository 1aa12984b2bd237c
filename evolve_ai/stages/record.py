"""Owns the verb record: what a cycle leaves in the registry, and the digest of history."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.event import Event, Kind
from evolve_ai.stages.build import Built, Counts
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import Observed
from evolve_ai.stages.succession import Succeeded
from evolve_ai.stages.supervise import Ran
from evolve_ai.stages.update import Updated
from evolve_ai.state.registry import Batch

NO_HISTORY = "0" * 64


@dataclass(frozen=True, slots=True)
class Totals:
    """Counted since the founding, over all runs."""

    born: int = 0
    died: int = 0
    restarts: int = 0
    builds: Counts = field(default_factory=Counts)

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


@dataclass(frozen=True, slots=True)
class Lived:
    """What the stages of one cycle came to."""

    updated: Updated
    built: Built
    ran: Ran
    observed: Observed
    succeeded: Succeeded


@dataclass(frozen=True, slots=True)
class Concluded:
    """A cycle ready to be committed."""

    digest: str
    totals: Totals
    summary: Summary
    taints: tuple[str, ...]
    batch: Batch


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


def conclude(
    context: Context,
    before: Mapping[str, AgentRecord],
    lived: Lived,
    past: str,
    totals: Totals,
    remembered: frozenset[str],
    tainted: bool,
    seconds: Mapping[str, float],
) -> Concluded:
    """Everything that a cycle leaves behind, as one commit.

    `before` is the population as last committed, `past` its digest; `remembered` are the agents
    of whom a memory is stored, which they have now been given back.
    """
    succeeded, ran = lived.succeeded, lived.ran
    living = list(succeeded.living.values())
    link = digest(past, context.cycle, living, succeeded.born, succeeded.dead)
    totals = _added(totals, lived)
    taints = (*ran.taints, *lived.observed.taints)
    summary = _summary(lived, totals, seconds)
    meta: dict[str, str | None] = {}
    if succeeded.born:
        meta["numbers"] = str(max(record.number for record in succeeded.born) + 1)
    if taints and not tainted:
        meta["tainted"] = taints[0]
    batch = Batch(
        records=changed(before, (*living, *succeeded.dead)),
        genomes={**lived.updated.genomes, **succeeded.genomes},
        memories=dict.fromkeys((agent for agent in ran.used if agent in remembered), None),
        meta=meta,
        events=_events(context, lived, taints, summary, link),
        cycle=(context.cycle, link, asdict(summary)),
    )
    return Concluded(link, totals, summary, taints, batch)


def _added(totals: Totals, lived: Lived) -> Totals:
    restarts = sum(1 for event in lived.ran.events if event.kind is Kind.RESTART)
    return Totals(
        totals.born + len(lived.succeeded.born),
        totals.died + len(lived.succeeded.dead),
        totals.restarts + restarts,
        totals.builds.plus(lived.built.counts),
    )


def _events(
    context: Context, lived: Lived, taints: Sequence[str], summary: Summary, link: str
) -> list[Event]:
    data = asdict(summary)
    del data["totals"]
    return [
        *lived.updated.events,
        *lived.built.events,
        *lived.ran.events,
        *lived.observed.events,
        *lived.succeeded.events,
        *(Event(Kind.TAINT, context.cycle, None, {"reason": reason}) for reason in taints),
        Event(Kind.CYCLE, context.cycle, None, {**data, "digest": link}),
    ]


def _summary(lived: Lived, totals: Totals, seconds: Mapping[str, float]) -> Summary:
    living = lived.succeeded.living.values()
    fitness = [r.fitness for r in living if r.fitness is not None]
    return Summary(
        tick=lived.observed.tick,
        alive=len(living),
        running=sum(1 for r in living if r.state is State.RUNNING),
        quarantined=sum(1 for r in living if r.state is State.QUARANTINED),
        born=len(lived.succeeded.born),
        died=len(lived.succeeded.dead),
        generation_max=max((r.generation for r in living), default=0),
        fitness_best=max(fitness, default=None),
        fitness_mean=sum(fitness) / len(fitness) if fitness else None,
        energy=sum(r.energy for r in living),
        builds=lived.built.counts,
        totals=totals,
        seconds=seconds,
    )
