"""Owns what comes before the first cycle of a run and after its last one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from evolve_ai.contracts.colony import Colony
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool
from evolve_ai.model.restart import backoff_of, with_backoff
from evolve_ai.pipelines.parts import Parts
from evolve_ai.pipelines.takeover import ABANDONED, ADRIFT, take_over
from evolve_ai.stages.record import changed
from evolve_ai.stages.supervise import exit_event, stopped
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.identity import boot_id
from evolve_ai.system.project import Project
from evolve_ai.system.trees import discard

FREELY = "lived_freely"  # in the registry: the cycle in which somebody changed in its middle
CLOCK = "clock"  # there too: what the times of failures, waits and starts are counted by
COUNTED = "cycles"  # such a clock; any other is that of a boot of the machine
AWAITED = "awaited"  # there too: who has changed, and had no verdict of a builder yet


@dataclass(frozen=True, slots=True)
class Begun:
    """The population that a run takes over, what its agents remember, who awaits a program.

    `resumes`: it was left in the middle of a season.
    """

    agents: Mapping[str, AgentRecord]
    memories: Mapping[str, bytes]
    awaited: frozenset[str] = frozenset()
    resumes: bool = False


def begin(
    parts: Parts,
    registry: Registry,
    run: str,
    pool: GenePool,
    colony: Colony,
    as_found: bool = False,
) -> Begun:
    """Take the population over, and those of its processes that live."""
    project, cycle = parts.project, _cycle(registry)
    before = registry.living()
    agents, meta = _on_this_clock(parts, registry, before)
    taken = take_over(parts, registry, pool, colony, agents, cycle, as_found)
    agents, taints = taken.agents, list(taken.taints)
    since = meta.get(FREELY, registry.meta(FREELY))
    if since is not None and project.settings.mode == "lockstep":
        taints.append(f'in cycle {since} agents changed or restarted at once (mode = "free")')
        meta[FREELY] = None
    if taints and registry.meta("tainted") is None:
        meta["tainted"] = taints[0]
    awaited = frozenset((registry.meta(AWAITED) or "").split())
    meta |= {AWAITED: None, ADRIFT: None, ABANDONED: None}  # a run asks for everybody at once
    batch = Batch(
        records=changed(before, agents.values()),
        memories={**taken.memories, **dict.fromkeys(taken.lost & taken.memories.keys())},
        meta=meta,
        events=[
            Event(Kind.COMMAND, cycle, None, {"command": "life-cycle"}),
            *taken.events,
            *(Event(Kind.TAINT, cycle, None, {"reason": reason}) for reason in taints),
        ],
    )
    parts.sink.deliver(registry.commit(batch, run))
    _clear_graves(project, registry)
    memories = {a: memory for a, memory in taken.memories.items() if a not in taken.lost}
    return Begun(agents, memories, awaited, taken.resumes)


def told_of_takeover(found: int) -> tuple[str, ...]:
    """How many agents lived on, for whoever watches."""
    return (
        (f"took over {found} agent{'s' if found > 1 else ''} that had lived on",) if found else ()
    )


def _on_this_clock(
    parts: Parts, registry: Registry, agents: Mapping[str, AgentRecord]
) -> tuple[Mapping[str, AgentRecord], dict[str, str | None]]:
    """The agents with times of the clock of this run, and what the registry is to know of it.

    A time of another clock means nothing here: what it had led to in lockstep, nobody knows.
    """
    clock = COUNTED if parts.clock is None else f"boot {boot_id()}"
    if (registry.meta(CLOCK) or COUNTED) == clock:
        return agents, {CLOCK: clock}
    now = _cycle(registry) if parts.clock is None else parts.clock()
    backoffs = {agent: backoff_of(record) for agent, record in agents.items()}
    meta: dict[str, str | None] = {CLOCK: clock}
    if registry.meta(FREELY) is None and any(one.eventful for one in backoffs.values()):
        meta[FREELY] = str(_cycle(registry))
    moved = {a: with_backoff(agents[a], one.moved(now)) for a, one in backoffs.items()}
    return moved, meta


def end(
    parts: Parts,
    registry: Registry,
    run: str,
    colony: Colony,
    before: Mapping[str, AgentRecord],
    agents: Mapping[str, AgentRecord],
    judged: Sequence[Event] = (),
) -> None:
    """Send every agent home and keep what it remembers: the next run goes on as if nothing had
    been. `before` are the agents as last committed; `judged` tells what became of them since."""
    cycle = _cycle(registry)
    settled = colony.settle(f"end {cycle}", list(colony.running()), (), remember=True)
    byes = settled.farewells
    records = stopped(agents, list(byes))
    remember = parts.project.settings.supervise.remember
    memories = {
        agent: bye.state
        for agent, bye in byes.items()
        if bye.state is not None and agent in records and remember
    }
    events = [
        *judged,
        *(exit_event(agents[agent], cycle, "the life-cycle ended") for agent in records),
    ]
    meta: dict[str, str | None] = {}
    taints = [
        f"agent {agent} left without its memory: {bye.reason}"
        for agent, bye in byes.items()
        if bye.state is None or bye.unkillable
    ]
    for reason in (*taints, *settled.taints):
        events.append(Event(Kind.TAINT, cycle, None, {"reason": reason}))
        meta.setdefault("tainted", registry.meta("tainted") or reason)
    events.append(Event(Kind.COMMAND, cycle, None, {"command": "end"}))
    living = changed(before, {**agents, **records}.values())
    batch = Batch(records=living, memories=dict(memories), meta=meta, events=events)
    parts.sink.deliver(registry.commit(batch, run))
    registry.forget_events(parts.project.settings.events.kept)


def clear_away(project: Project, dead: Iterable[str]) -> None:
    """Folders of the dead go; genome and story stay in the registry."""
    for agent in dead:
        discard(project.agent(agent))


def _clear_graves(project: Project, registry: Registry) -> None:
    """Folders of agents that died just before a crash. Other folders are not ours to remove."""
    living = {str(id) for (id,) in registry.rows(["id"])}
    strangers = (f.name for f in project.agents.iterdir() if f.name not in living)
    clear_away(project, [name for name in strangers if registry.knows(name)])


def _cycle(registry: Registry) -> int:
    last = registry.last_cycle()
    return last[0] if last else 0
