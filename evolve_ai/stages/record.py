"""The verb record: what a cycle leaves in the registry, and the digest of history."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.model.tally import Counts, Tally, Totals
from evolve_ai.stages.build import Built
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import Observed
from evolve_ai.stages.succession import Succeeded
from evolve_ai.stages.supervise import Ran
from evolve_ai.stages.update import Updated
from evolve_ai.state.registry import Batch


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
    observed: Observed,
    succeeded: Succeeded,
    past: str,
    totals: Totals,
    state: RunState,
    remembered: frozenset[str],
    seconds: Mapping[str, float],
) -> Concluded:
    """Everything that a season and the succession leave behind.

    `before` is the population as last committed, `past` its digest, `state` has what was counted
    since; `remembered` are the agents of whom a memory is stored.
    """
    tally = state.tally
    living = list(succeeded.living.values())
    link = digest(past, context.cycle, living, succeeded.born, succeeded.dead)
    totals = _added(totals, tally, succeeded)
    taints = observed.taints
    summary = _summary(observed, succeeded, tally.builds, totals, seconds)
    numbers = max((record.number + 1 for record in succeeded.born), default=state.numbers)
    batch = Batch(
        records=changed(before, (*living, *succeeded.dead)),
        genomes=succeeded.genomes,
        memories=dict.fromkeys(remembered.intersection(r.id for r in succeeded.dead)),
        state=replace(tainted(state, taints), tally=Tally(), turning=None, numbers=numbers),
        events=_events(context, observed, succeeded, summary, link),
        cycle=Cycle(context.cycle, link, summary),
        during=context.cycle,
        samples=living if context.cycle % context.settings.history.sample_every == 0 else (),
    )
    return Concluded(link, totals, summary, taints, batch)


def renewal(
    context: Context,
    before: Mapping[str, AgentRecord],
    updated: Updated,
    built: Built,
    ran: Ran,
    state: RunState,
    remembered: frozenset[str],
) -> Batch:
    """What the verbs from update to run came to, as a commit of its own in the middle of a cycle.

    The tally of `state` has them counted already.
    """
    taints = (*built.taints, *ran.taints)
    return Batch(
        records=changed(before, ran.agents.values()),
        genomes=updated.genomes,
        memories=_memories(ran, remembered),
        state=tainted(state, taints),
        during=context.cycle,
        events=[
            *updated.events,
            *built.events,
            *ran.events,
            *(Event(Kind.TAINT, context.cycle, None, {"reason": reason}) for reason in taints),
        ],
    )


def tainted(state: RunState, reasons: Sequence[str]) -> RunState:
    """The first reason for which a history cannot be repeated is the one that stays."""
    return replace(state, tainted=state.tainted or next(iter(reasons), None))


def _memories(ran: Ran, remembered: frozenset[str]) -> dict[str, bytes | None]:
    """What is to be stored, or (None) no more: it was given back."""
    over = (agent for agent in ran.used if agent in remembered or agent in ran.left)
    return {**ran.left, **dict.fromkeys(over, None)}


def _added(totals: Totals, tally: Tally, succeeded: Succeeded) -> Totals:
    totals = totals.plus(tally)
    born, died = totals.born + len(succeeded.born), totals.died + len(succeeded.dead)
    return replace(totals, born=born, died=died)


def _events(
    context: Context, observed: Observed, succeeded: Succeeded, summary: Summary, link: str
) -> list[Event]:
    data = asdict(summary)
    del data["totals"]
    return [
        *observed.events,
        *succeeded.events,
        *(Event(Kind.TAINT, context.cycle, None, {"reason": one}) for one in observed.taints),
        Event(Kind.CYCLE, context.cycle, None, {**data, "digest": link}),
    ]


def _summary(
    observed: Observed,
    succeeded: Succeeded,
    builds: Counts,
    totals: Totals,
    seconds: Mapping[str, float],
) -> Summary:
    living = succeeded.living.values()
    ranked = {r.id: r.fitness for r in living if r.fitness is not None and not r.is_set_aside}
    fitness = ranked.values()
    return Summary(
        tick=observed.tick,
        alive=len(living),
        running=sum(1 for r in living if r.state is State.RUNNING),
        quarantined=sum(1 for r in living if r.is_set_aside),
        born=len(succeeded.born),
        died=len(succeeded.dead),
        generation_max=max((r.generation for r in living), default=0),
        fitness_best=max(fitness, default=None),
        fitness_mean=sum(fitness) / len(fitness) if fitness else None,
        energy=sum(r.energy for r in living),
        champion=max(ranked, key=lambda agent: (ranked[agent], agent), default=None),
        builds=builds,
        totals=totals,
        seconds=seconds,
    )
