"""Begins and ends a run: takes the population over, and stops it at the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool
from evolve_ai.model.restart import backoff_of, with_backoff
from evolve_ai.model.run_state import RunState
from evolve_ai.session.components import Components
from evolve_ai.session.takeover import take_over
from evolve_ai.stages.record import changed, tainted
from evolve_ai.stages.supervise import exit_event, stopped
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.identity import boot_id

COUNTED = "cycles"  # the clock of lockstep; another clock is named after a boot of the machine


@dataclass(frozen=True, slots=True)
class Begun:
    """The population that a run takes over, its memories, and the agents that await a program.

    `resumes`: the previous run was killed in the middle of a season.
    """

    agents: Mapping[str, AgentRecord]
    memories: Mapping[str, bytes]
    awaited: frozenset[str] = frozenset()
    resumes: bool = False


def begin(
    components: Components,
    registry: Registry,
    run: str,
    pool: GenePool,
    colony: Colony,
    as_found: bool = False,
) -> Begun:
    """Take the population over, with its living processes."""
    project, cycle = components.project, registry.cycle
    before = registry.living()
    agents, state = _on_this_clock(components, registry, before)
    taken = take_over(components, registry, pool, colony, agents, cycle, as_found)
    agents, taints = taken.agents, list(taken.taints)
    since = state.lived_freely
    if since is not None and project.settings.mode == "lockstep":
        taints.append(f'in cycle {since} agents changed or restarted at once (mode = "free")')
        state = replace(state, lived_freely=None)
    awaited = frozenset(state.awaited)
    state = replace(state, awaited=(), adrift=None, abandoned=None)  # this run asks for all anew
    batch = Batch(
        records=changed(before, agents.values()),
        memories={**taken.memories, **dict.fromkeys(taken.lost & taken.memories.keys())},
        state=tainted(state, taints),
        events=[
            Event(Kind.COMMAND, cycle, None, {"command": "life-cycle"}),
            *taken.events,
            *(Event(Kind.TAINT, cycle, None, {"reason": reason}) for reason in taints),
        ],
    )
    components.sink.deliver(registry.commit(batch, run))
    memories = {a: memory for a, memory in taken.memories.items() if a not in taken.lost}
    return Begun(agents, memories, awaited, taken.resumes)


def told_of_takeover(found: int) -> tuple[str, ...]:
    """A line that says how many agents lived on."""
    return (
        (f"took over {found} agent{'s' if found > 1 else ''} that had lived on",) if found else ()
    )


def _on_this_clock(
    components: Components, registry: Registry, agents: Mapping[str, AgentRecord]
) -> tuple[Mapping[str, AgentRecord], RunState]:
    """The agents with times of this run's clock, and the run state that names it.

    Times of another clock mean nothing here, so restart delays are converted. As nobody knows what
    lockstep would have done meanwhile, the history then counts as lived freely.
    """
    clock = COUNTED if components.clock is None else f"boot {boot_id()}"
    state = replace(registry.state, clock=clock)
    if (registry.state.clock or COUNTED) == clock:
        return agents, state
    now = registry.cycle if components.clock is None else components.clock()
    backoffs = {agent: backoff_of(record) for agent, record in agents.items()}
    if state.lived_freely is None and any(one.eventful for one in backoffs.values()):
        state = replace(state, lived_freely=registry.cycle)
    moved = {a: with_backoff(agents[a], one.moved(now)) for a, one in backoffs.items()}
    return moved, state


def end(
    components: Components,
    registry: Registry,
    run: str,
    colony: Colony,
    before: Mapping[str, AgentRecord],
    agents: Mapping[str, AgentRecord],
    judged: Sequence[Event] = (),
) -> None:
    """Stop every agent and keep its memory, so that the next run goes on as if there had been no
    stop. `before` are the agents as last committed; `judged` are their events since then."""
    cycle = registry.cycle
    settled = colony.settle(f"end {cycle}", list(colony.running()), (), remember=True)
    byes = settled.farewells
    records = stopped(agents, list(byes))
    remember = components.project.settings.supervise.remember
    memories = {
        agent: bye.state
        for agent, bye in byes.items()
        if bye.state is not None and agent in records and remember
    }
    events = [
        *judged,
        *(exit_event(agents[agent], cycle, "the life-cycle ended") for agent in records),
    ]
    taints = [
        f"agent {agent} left without its memory: {bye.reason}"
        for agent, bye in byes.items()
        if bye.state is None or bye.unkillable
    ]
    taints += settled.taints
    events += (Event(Kind.TAINT, cycle, None, {"reason": reason}) for reason in taints)
    events.append(Event(Kind.COMMAND, cycle, None, {"command": "end"}))
    living = changed(before, {**agents, **records}.values())
    state = tainted(registry.state, taints)
    batch = Batch(records=living, memories=dict(memories), state=state, events=events)
    components.sink.deliver(registry.commit(batch, run))
    registry.forget_events(components.project.settings.events.kept)
