"""The verb run: starts, restarts and stops processes until they match the population."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.model import restart
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.colony import Farewell, Refused, Settled, Start, Started
from evolve_ai.model.errors import MachineError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool, Program
from evolve_ai.model.restart import Due, Pace, backoff_of, with_backoff
from evolve_ai.stages.context import Context
from evolve_ai.stages.update import quarantine, told_of_altered

RUNNABLE = (State.EMBRYO, State.STARTING, State.RUNNING, State.WAITING)
FINAL = (Cause.DONE, Cause.NEVER_RESTART)


@dataclass(frozen=True, slots=True)
class Ran:
    """The population with its processes as they should be. `used` memories are given back, those in
    `left` wait for agents that were set aside or have no room; `refused` says why."""

    agents: Mapping[str, AgentRecord]
    events: tuple[Event, ...]
    taints: tuple[str, ...]
    used: tuple[str, ...]
    left: Mapping[str, bytes] = field(default_factory=dict)
    refused: str | None = None
    pace: Pace = field(default_factory=Pace)


def run(
    context: Context,
    agents: Mapping[str, AgentRecord],
    programs: Mapping[str, Program],
    colony: Colony,
    memories: Mapping[str, bytes],
    genome_of: Callable[[str], bytes],
    pace: Pace,
    title: str | None = None,
) -> Ran:
    """A changed agent ran its old program until now; here it changes over, memory included.

    Processes of agents that are not among these are left alone. Under the same title again,
    nothing is done twice, and what it came to is the same: `agents` are as they were then.
    """
    wanted, pace = _wanted(agents, programs, context.now, pace)
    running = colony.running()
    leaving = {
        agent
        for agent, record in agents.items()
        if (record.pid or agent in running) and _leaves(record, wanted.get(agent), programs)
    }
    starting = [agent for agent in wanted if agent not in running or agent in leaving]
    remember = context.settings.supervise.remember
    kept = memories if remember else {}
    settled = colony.settle(
        title,
        [agent for agent in agents if agent in leaving and agent not in wanted],
        [_start(context, agents[a], programs, kept.get(a), genome_of(a)) for a in starting],
        remember=remember,
    )
    _raise_if_nobody_can_run(settled, running)
    parted = [record for agent, record in agents.items() if agent in leaving and record.pid]
    left = _left(settled.farewells) if remember else {}
    records, events = _become(context, agents, parted, settled.outcomes, {**kept, **left}.keys())
    used = tuple(a for a in starting if not isinstance(settled.outcomes[a], Refused))
    taints = _taints(settled, wanted)
    left = {agent: left[agent] for agent in left.keys() - frozenset(used)}
    refused = _told_of_refusals(settled.outcomes.values())
    return Ran({**agents, **records}, events, taints, used, left, refused, pace)


def _become(
    context: Context,
    agents: Mapping[str, AgentRecord],
    parted: Sequence[AgentRecord],
    outcomes: Mapping[str, Started | Fault | Refused],
    remembered: Set[str],
) -> tuple[dict[str, AgentRecord], tuple[Event, ...]]:
    """The agents that lost a process, got one, or failed to."""
    records = {one.id: replace(one, pid=None, running_fingerprint="") for one in parted}
    events = [exit_event(one, context.cycle, "stopped by the orchestrator") for one in parted]
    for agent, outcome in outcomes.items():
        before = records.get(agent, agents[agent])
        records[agent], told = _began(context, before, outcome, agent in remembered)
        events += told
    return records, tuple(events)


def _raise_if_nobody_can_run(settled: Settled, running: Mapping[str, int]) -> None:
    """MachineError where all starts are refused for good: a season of nobody is no history."""
    outcomes = list(settled.outcomes.values())
    lasting = [one for one in outcomes if isinstance(one, Refused) and one.lasting]
    if lasting and len(lasting) == len(outcomes) and not running and not settled.farewells:
        raise MachineError(
            f"this machine lets no agent be started: {lasting[0].what}", todo=lasting[0].todo
        )


def _left(farewells: Mapping[str, Farewell]) -> dict[str, bytes]:
    return {agent: bye.state for agent, bye in farewells.items() if bye.state is not None}


def _taints(settled: Settled, wanted: Mapping[str, AgentRecord]) -> tuple[str, ...]:
    faults = (one for one in settled.outcomes.values() if isinstance(one, Fault))
    farewells = _broken_farewells(settled.farewells, wanted)
    return (*farewells, *told_of_altered(faults), *settled.taints)


def _broken_farewells(
    byes: Mapping[str, Farewell], wanted: Mapping[str, AgentRecord]
) -> Iterator[str]:
    """Who cannot be killed, and who goes on without the memory that it should have left."""
    for agent, bye in byes.items():
        if bye.unkillable:
            yield f"agent {agent} cannot be killed"
        elif agent in wanted and bye.state is None and bye.reason is not None:
            yield f"agent {agent} left without its memory: {bye.reason}"


def _told_of_refusals(outcomes: Iterable[Started | Fault | Refused]) -> str | None:
    refused = [one for one in outcomes if isinstance(one, Refused)]
    if not refused:
        return None
    first = refused[0]
    todo = f" ({first.todo})" if first.todo else ""
    why = ", the machine refuses their start" if first.lasting else " for room"
    return f"{len(refused)} agents wait{why}: {first.what}{todo}"


def _began(
    context: Context, record: AgentRecord, outcome: Started | Fault | Refused, remembers: bool
) -> tuple[AgentRecord, tuple[Event, ...]]:
    if isinstance(outcome, Started):
        return _running(context, record, outcome.pid, remembers)
    if isinstance(outcome, Refused):
        backoff = backoff_of(record).refused(context.now, _draw(context, record.id), context.line)
        state = State.EMBRYO if record.state is State.EMBRYO else State.WAITING
        return replace(with_backoff(record, backoff), state=state), ()
    return failed(context, record, outcome)


def _draw(context: Context, agent: str) -> float:
    return context.draws.rng("restart", context.cycle, agent).random()


def failed(
    context: Context, record: AgentRecord, fault: Fault
) -> tuple[AgentRecord, tuple[Event, ...]]:
    """What a failure means for its agent: a wait, quarantine, or the end. Its memory is lost."""
    data = {"cause": str(fault.cause), "reason": fault.reason, "pid": record.pid}
    told: tuple[Event, ...] = (Event(Kind.EXIT, context.cycle, record.id, data),)
    draw = _draw(context, record.id)
    backoff, verdict = backoff_of(record).failed(fault, context.now, draw, context.line)
    changed = replace(
        with_backoff(record, backoff),
        pid=None,
        running_fingerprint="",
        lived_tick=-1,
        cause=str(fault.cause),
        reason=fault.reason,
    )
    if isinstance(verdict, restart.Wait):
        return replace(changed, state=State.WAITING), told
    if isinstance(verdict, restart.End):
        return quarantine(changed, fault, context.cycle)[0], told  # it dies in this very cycle
    changed, quarantined = quarantine(changed, verdict.fault, context.cycle)
    return changed, (*told, *quarantined)


def healthy(record: AgentRecord, now: float) -> AgentRecord:
    """Forget the failures in a row of an agent that has run long enough."""
    if not record.consecutive_failures or record.state is not State.RUNNING:
        return record
    changed = with_backoff(record, backoff_of(record).healthy(now))
    return changed if changed.consecutive_failures else replace(changed, cause=None, reason=None)


def offered(pool: GenePool) -> list[dict[str, object]]:
    """The gene pool as agents are told of it."""
    return [
        {"path": source.path, "code": source.code, "functions": list(source.genes)}
        for source in pool.sources
    ]


def _wanted(
    agents: Mapping[str, AgentRecord], programs: Mapping[str, Program], now: float, pace: Pace
) -> tuple[dict[str, AgentRecord], Pace]:
    """Who should have a process. No herd: crash restarts beyond the limit wait a little more."""
    able = [record for record in agents.values() if should_run(record, programs, now)]
    crashed = {one.id: one for record in able if (one := crash_due(record)) is not None}
    admitted, pace = pace.admit(crashed.values(), now)
    held_back = crashed.keys() - admitted
    return {record.id: record for record in able if record.id not in held_back}, pace


def should_run(record: AgentRecord, programs: Mapping[str, Program], now: float) -> bool:
    able = record.state in RUNNABLE and record.fingerprint in programs
    return able and backoff_of(record).due(now)


def crash_due(record: AgentRecord) -> Due | None:
    """Where an agent that has crashed stands in the row, if it waits in it."""
    if record.retry_at is None or not record.consecutive_failures:
        return None
    return Due(record.retry_at, record.place, record.id)


def _leaves(
    record: AgentRecord, wanted: AgentRecord | None, programs: Mapping[str, Program]
) -> bool:
    """Does its process end? Not while its program is being built: until then the old one lives."""
    if record.state in RUNNABLE and record.fingerprint not in programs:
        return False
    return wanted is None or wanted.running_fingerprint != wanted.fingerprint


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
        place=record.place,
        note=f"{record.fingerprint}@{context.cycle}",
    )


def _running(
    context: Context, record: AgentRecord, pid: int, remembers: bool
) -> tuple[AgentRecord, tuple[Event, ...]]:
    waited = record.retry_at is not None
    again = waited and record.cause is not None
    planned = record.state is State.RUNNING
    kind = Kind.RESTART if again or planned else Kind.START
    backoff = backoff_of(record)
    # In lockstep no time has passed between two runs; who was stopped at an end never was.
    resumed = record.state is State.WAITING and not waited and context.line.whole
    if not resumed or backoff.started_at is None:
        backoff = backoff.started(context.now)
    changed = replace(
        with_backoff(record, backoff),
        state=State.RUNNING,
        pid=pid,
        running_fingerprint=record.fingerprint,
        restarts=record.restarts + (kind is Kind.RESTART),
        lived_tick=record.lived_tick if remembers else -1,
    )
    data: dict[str, object] = {
        "pid": pid,
        "fingerprint": record.fingerprint,
        "cause": record.cause if again else str(Cause.PLANNED) if planned else None,
        "remembers": remembers,
    }
    return changed, (Event(kind, context.cycle, record.id, data),)


def began_unrecorded(
    record: AgentRecord, pid: int, fingerprint: str, cycle: int
) -> tuple[AgentRecord, Event]:
    """An agent that was found to run, although a kill came before its start was recorded."""
    again = record.pid is not None or record.cause is not None
    changed = replace(
        record,
        state=State.RUNNING,
        pid=pid,
        running_fingerprint=fingerprint,
        restarts=record.restarts + again,
        retry_at=None,
    )
    data = {
        "pid": pid,
        "fingerprint": fingerprint,
        "cause": record.cause or (str(Cause.PLANNED) if again else None),
        "remembers": False,
    }
    return changed, Event(Kind.RESTART if again else Kind.START, cycle, record.id, data)


def exit_event(record: AgentRecord, cycle: int, reason: str) -> Event:
    """The end of a process that was no failure."""
    data = {"cause": str(Cause.PLANNED), "reason": reason, "pid": record.pid}
    return Event(Kind.EXIT, cycle, record.id, data)


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
