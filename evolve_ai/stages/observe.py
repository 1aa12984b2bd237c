"""The verb observe: lets the world turn for a cycle and notes what became of everybody."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.model import restart
from evolve_ai.model.agent import AgentRecord, Cause, Fault, State
from evolve_ai.model.colony import Change, Order, Pool, nothing
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.restart import backoff_of, with_backoff
from evolve_ai.model.world import Resident, Season
from evolve_ai.stages.context import Context
from evolve_ai.stages.supervise import failed


@dataclass(frozen=True, slots=True)
class Observed:
    """The population after its cycle, the tick its world has reached, what tainted it."""

    agents: Mapping[str, AgentRecord]
    tick: int
    events: tuple[Event, ...]
    taints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """Agents that changed between two ticks, and whose failure was judged there."""

    agents: Mapping[str, AgentRecord] = field(default_factory=dict)
    judged: frozenset[str] = frozenset()


# Called before the first tick and after each one, with the last tick that each agent has answered,
# and with the failures that nobody has judged yet.
Renew = Callable[[Mapping[str, int], Mapping[str, Fault]], LiveUpdate]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The world of a cycle: the tick it stands at, its places, the founders' mean of active genes
    (None: not known), and the gene pool for whom it is news."""

    tick: int
    places: int
    founder_genes: float | None
    offers: Mapping[str, Pool] = field(default_factory=dict)


def observe(
    context: Context,
    agents: Mapping[str, AgentRecord],
    colony: Colony,
    world: Surroundings,
    between: Renew | None = None,
) -> Observed:
    """Live `cycle.ticks` ticks; `between` may change agents before and after each of them."""
    ticks = context.settings.cycle.ticks
    if ticks == 0:
        lived, events = after_faults(context, agents, colony.reap())
        return Observed(_sampled(lived, colony), world.tick, events, colony.take_taints())
    order = Order(
        cycle=context.cycle,
        first_tick=world.tick,
        ticks=ticks,
        places=world.places,
        residents=[resident_of(one, world.founder_genes) for one in takes_part(agents)],
        offers=world.offers,
    )
    renewed: dict[str, AgentRecord] = {}

    def change(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        assert between is not None
        found = between(lived, faults)
        renewed.update(found.agents)
        changed = (resident_of(one, world.founder_genes) for one in found.agents.values())
        return Change(tuple(changed), found.judged)

    turned = colony.turn(order, nothing if between is None else change)
    season = turned.season
    lived = {record.id: _aged(record, season) for record in {**agents, **renewed}.values()}
    lived, events = after_faults(context, lived, turned.faults)
    lived = {agent: _set_aside(record) for agent, record in lived.items()}
    return Observed(_sampled(lived, colony), turned.season.tick, events, turned.taints)


def after_faults(
    context: Context, agents: Mapping[str, AgentRecord], faults: Mapping[str, Fault]
) -> tuple[dict[str, AgentRecord], tuple[Event, ...]]:
    """What became of those who failed. When too many did, they all wait for a while."""
    if not faults:
        return dict(agents), ()
    lived, now, line = dict(agents), context.now, context.line
    earlier = {
        record.id: record
        for record in agents.values()
        if restart.counts_for_breaker(record.failures, now, line)
    }
    ran = sum(1 for r in agents.values() if r.state is State.RUNNING or r.id in earlier)
    before = {agent: _failure(record) for agent, record in earlier.items()}
    alarm = restart.breaker(ran, {**before, **faults}.values(), line)
    events: list[Event] = []
    for agent, fault in faults.items():
        if agent in lived:
            lived[agent], told = failed(context, lived[agent], fault)
            events += told
    if alarm:
        for agent in {**earlier, **faults}.keys() & lived.keys():
            late = backoff_of(lived[agent]).put_off(now + line.breaker_pause)
            lived[agent] = with_backoff(lived[agent], late)
    if alarm and not restart.breaker(ran, before.values(), line):
        data = {"command": "breaker", "reason": f"{alarm}; restarts pause for {line.pause_said}"}
        events.append(Event(Kind.COMMAND, context.cycle, None, data))
    return lived, tuple(events)


def _failure(record: AgentRecord) -> Fault | None:
    """Of an agent that has crashed not long ago; None when it is well again."""
    return None if record.cause is None else Fault(Cause(record.cause), record.reason or "")


def told_of_alarms(events: Iterable[Event]) -> tuple[str, ...]:
    """Why restarts pause, for whoever watches."""
    commands = (event.data for event in events if event.kind is Kind.COMMAND)
    return tuple(str(data["reason"]) for data in commands if data.get("command") == "breaker")


def takes_part(agents: Mapping[str, AgentRecord]) -> list[AgentRecord]:
    """Who lives in the world of this season: all but those in quarantine, and those whom the
    machine lets have no process or no program. It neither pays nor charges, ranks nor strikes
    them."""
    return [
        record
        for record in agents.values()
        if not record.is_set_aside and not _is_refused_by_the_machine(record)
    ]


def _is_refused_by_the_machine(record: AgentRecord) -> bool:
    return record.refusals > 0 and record.state is not State.RUNNING


def load_of(record: AgentRecord, founder_genes: float | None) -> float:
    """The size of an agent's program, as a part of a mean founder's: in active genes."""
    return record.active_genes / max(founder_genes or 1.0, 1.0)


def resident_of(record: AgentRecord, founder_genes: float | None) -> Resident:
    return Resident(
        id=record.id,
        place=record.place,
        energy=record.energy,
        load=load_of(record, founder_genes),
        lived_tick=record.lived_tick,
        running=record.state is State.RUNNING,
        evidence=record.evidence,
    )


def caught_up(
    lived: Mapping[str, AgentRecord], renewed: Mapping[str, AgentRecord]
) -> Mapping[str, AgentRecord]:
    """Who has lived a season, with what became of their processes since it ended."""
    aged = {
        record.id: replace(
            record,
            age=one.age,
            energy=one.energy,
            evidence=one.evidence,
            scores=one.scores,
            fitness=one.fitness,
            cpu_seconds=one.cpu_seconds,
            rss_bytes=one.rss_bytes,
            quarantine_cycles=one.quarantine_cycles if record.is_set_aside else 0,
        )
        for record in renewed.values()
        if (one := lived.get(record.id)) is not None
    }
    return {**lived, **aged}


def _aged(record: AgentRecord, season: Season) -> AgentRecord:
    account = season.accounts.get(record.id)
    if account is None:  # in quarantine, or founded after the season had begun and was broken off
        return record
    return replace(
        record,
        age=record.age + 1,
        energy=account.energy,
        evidence=account.evidence,
        scores=tuple(sorted(account.scores.items())) or record.scores,
        fitness=account.scores.get(season.main, record.fitness),
        lived_tick=season.lived.get(record.id, record.lived_tick),
    )


def _set_aside(record: AgentRecord) -> AgentRecord:
    """A cycle at whose end an agent is in quarantine counts as one that it spent there."""
    if not record.is_set_aside:
        return record
    return replace(record, quarantine_cycles=record.quarantine_cycles + 1)


def _sampled(agents: Mapping[str, AgentRecord], colony: Colony) -> Mapping[str, AgentRecord]:
    """The same population with what its processes have used so far."""
    changed = {}
    for agent, usage in colony.sample().items():
        record = agents.get(agent)
        if record is None:
            continue
        if (usage.cpu_seconds, usage.rss_bytes) != (record.cpu_seconds, record.rss_bytes):
            changed[agent] = replace(
                record, cpu_seconds=usage.cpu_seconds, rss_bytes=usage.rss_bytes
            )
    return {**agents, **changed} if changed else agents
