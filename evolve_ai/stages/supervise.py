"""Owns the verb run: starts, restarts and stops processes until they match the population."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evolve_ai.colony.colony import Colony
from evolve_ai.model import restart
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.colony import Farewell, Start, Started
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool, Program
from evolve_ai.stages.context import Context
from evolve_ai.stages.update import quarantine

RUNNABLE = (State.EMBRYO, State.STARTING, State.RUNNING, State.WAITING)
FINAL = (Cause.DONE, Cause.NEVER_RESTART)


@dataclass(frozen=True, slots=True)
class Ran:
    """The population with its processes as they should be. `used` memories are given back, those in
    `left` wait for agents that were set aside."""

    agents: Mapping[str, AgentRecord]
    events: tuple[Event, ...]
    taints: tuple[str, ...]
    used: tuple[str, ...]
    left: Mapping[str, bytes] = field(default_factory=dict)


def run(
    context: Context,
    agents: Mapping[str, AgentRecord],
    programs: Mapping[str, Program],
    colony: Colony,
    memories: Mapping[str, bytes],
    genome_of: Callable[[str], bytes],
) -> Ran:
    """A changed agent ran its old program until now; here it changes over, memory included.

    Processes of agents that are not among these are left alone.
    """
    wanted = _wanted(agents, programs, context.cycle)
    running = {agent: found for agent, found in colony.running().items() if agent in agents}
    leaving = [
        agent
        for agent in running
        if not _awaits_its_program(agents[agent], programs)
        and (agent not in wanted or wanted[agent].running_fingerprint != wanted[agent].fingerprint)
    ]
    byes = colony.stop(leaving)
    records = {agent: replace(agents[agent], pid=None, running_fingerprint="") for agent in leaving}
    events = [_exit_event(agent, running[agent].pid, context.cycle) for agent in records]
    left = {agent: bye.state for agent, bye in byes.items() if bye.state is not None}
    if not context.settings.supervise.remember:
        left, memories = {}, {}
    remembered = {**memories, **left}
    starting = [agent for agent in wanted if agent not in running or agent in records]
    started = colony.start(
        [_start(context, agents[a], programs, remembered.get(a), genome_of(a)) for a in starting]
    )
    for agent in starting:
        before = records.get(agent, agents[agent])
        records[agent], told = _began(context, before, started[agent], agent in remembered)
        events += told
    taints = (*_broken_farewells(byes, wanted), *colony.take_taints())
    left = {agent: state for agent, state in left.items() if agent not in started}
    return Ran({**agents, **records}, tuple(events), taints, tuple(starting), left)


def _broken_farewells(
    byes: Mapping[str, Farewell], wanted: Mapping[str, AgentRecord]
) -> Iterator[str]:
    """Who cannot be killed, and who goes on without the memory that it should have left."""
    for agent, bye in byes.items():
        if bye.unkillable:
            yield f"agent {agent} cannot be killed"
        elif agent in wanted and bye.state is None and bye.reason is not None:
            yield f"agent {agent} left without its memory: {bye.reason}"


def _began(
    context: Context, record: AgentRecord, outcome: Started | Fault, remembers: bool
) -> tuple[AgentRecord, tuple[Event, ...]]:
    if isinstance(outcome, Started):
        return _running(record, outcome.identity.pid, remembers, context.cycle)
    rng = context.draws.rng("restart", context.cycle, record.id)
    return failed(record, outcome, context.cycle, rng)


def failed(
    record: AgentRecord, fault: Fault, cycle: int, rng: random.Random
) -> tuple[AgentRecord, tuple[Event, ...]]:
    """What a failure means for its agent: a wait, quarantine, or the end. Its memory is lost."""
    data = {"cause": str(fault.cause), "reason": fault.reason, "pid": record.pid}
    told: tuple[Event, ...] = (Event(Kind.EXIT, cycle, record.id, data),)
    decision = restart.after_failure(
        record.failures, record.consecutive_failures, fault.cause, cycle, rng
    )
    changed = replace(
        record,
        pid=None,
        running_fingerprint="",
        lived_tick=-1,
        failures=decision.failures,
        consecutive_failures=decision.consecutive,
        retry_cycle=decision.retry_cycle,
        cause=str(fault.cause),
        reason=fault.reason,
    )
    if decision.verdict is restart.Verdict.WAIT:
        return replace(changed, state=State.WAITING), told
    changed, quarantined = quarantine(changed, fault, cycle)
    if decision.verdict is restart.Verdict.END:
        return changed, told  # it dies in this very cycle
    return changed, (*told, *quarantined)


def healthy(record: AgentRecord, cycle: int) -> AgentRecord:
    """Forget the failures of an agent that has run long enough."""
    if not record.consecutive_failures or record.state is not State.RUNNING:
        return record
    row = restart.after_health(record.consecutive_failures, record.started_cycle, cycle)
    return record if row else replace(record, consecutive_failures=0, cause=None, reason=None)


def offered(pool: GenePool) -> list[dict[str, object]]:
    """The gene pool as agents are told of it."""
    return [
        {"path": source.path, "code": source.code, "functions": list(source.genes)}
        for source in pool.sources
    ]


def _wanted(
    agents: Mapping[str, AgentRecord], programs: Mapping[str, Program], cycle: int
) -> dict[str, AgentRecord]:
    """Who should have a process. No herd: crash restarts beyond the limit wait a cycle more."""
    able = [record for record in agents.values() if _should_run(record, programs, cycle)]
    crashed = [record for record in able if record.retry_cycle > 0]
    crashed.sort(key=lambda record: (record.retry_cycle, record.place))
    held_back = {record.id for record in crashed[restart.CRASH_RESTARTS_A_CYCLE :]}
    return {record.id: record for record in able if record.id not in held_back}


def _should_run(record: AgentRecord, programs: Mapping[str, Program], cycle: int) -> bool:
    return (
        record.state in RUNNABLE and record.fingerprint in programs and record.retry_cycle <= cycle
    )


def _awaits_its_program(record: AgentRecord, programs: Mapping[str, Program]) -> bool:
    """Its program is being built; until it is there the old process lives."""
    return record.state in RUNNABLE and record.fingerprint not in programs


def _start(
    context: Context,
    record: AgentRecord,
    programs: Mapping[str, Program],
    memory: bytes | None,
    genome: bytes,
) -> Start:
    return Start(
        id=record.id,
        folder=context.project.agent(record.id),
        program=programs[record.fingerprint],
        seed=context.draws.integer("agent", record.id),
        genome=genome,
        state=memory,
        pool=offered(context.pool),
        tick=max(record.lived_tick, 0),
    )


def _running(
    record: AgentRecord, pid: int, remembers: bool, cycle: int
) -> tuple[AgentRecord, tuple[Event, ...]]:
    again = record.retry_cycle > 0
    planned = record.state is State.RUNNING
    resumed = record.state is State.WAITING and not again
    kind = Kind.RESTART if again or planned else Kind.START
    changed = replace(
        record,
        state=State.RUNNING,
        pid=pid,
        running_fingerprint=record.fingerprint,
        restarts=record.restarts + (kind is Kind.RESTART),
        retry_cycle=0,
        started_cycle=record.started_cycle if resumed else cycle,
        lived_tick=record.lived_tick if remembers else -1,
    )
    data: dict[str, object] = {
        "pid": pid,
        "fingerprint": record.fingerprint,
        "cause": record.cause if again else str(Cause.PLANNED) if planned else None,
        "remembers": remembers,
    }
    return changed, (Event(kind, cycle, record.id, data),)


def _exit_event(agent: str, pid: int, cycle: int) -> Event:
    data: Mapping[str, object] = {
        "cause": str(Cause.PLANNED),
        "reason": "stopped by the orchestrator",
        "pid": pid,
    }
    return Event(Kind.EXIT, cycle, agent, data)


def stopped(agents: Mapping[str, AgentRecord], ids: Sequence[str]) -> dict[str, AgentRecord]:
    """The records of agents whose processes were ended in an orderly way: they wait."""
    return {
        agent: replace(
            agents[agent],
            pid=None,
            running_fingerprint="",
            state=State.WAITING if agents[agent].state is State.RUNNING else agents[agent].state,
        )
        for agent in ids
        if agent in agents
    }
