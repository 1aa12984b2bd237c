"""Owns what comes before the first cycle of a run and after its last one."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool
from evolve_ai.pipelines.parts import Parts
from evolve_ai.stages.supervise import stopped
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.colony import Colony, Limits
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.exits import Room
from evolve_ai.system.files import remove_tree
from evolve_ai.system.leftovers import leftovers
from evolve_ai.system.processes import end_strangers_left_behind
from evolve_ai.system.project import Project

KILLED = "a run was killed before it could end; the memories of its agents are lost"

FREELY = "lived_freely"  # in the registry: the cycle in which somebody changed in its middle
AWAITED = "awaited"  # there too: who has changed, and had no verdict of a builder yet

BROKEN = "a run broke off in the middle of a cycle, and the memories of its agents are lost:"


@dataclass(frozen=True, slots=True)
class Begun:
    """The population that a run takes over, what its agents remember, who awaits a program."""

    agents: Mapping[str, AgentRecord]
    memories: Mapping[str, bytes]
    awaited: frozenset[str] = frozenset()


def begin(parts: Parts, registry: Registry, run: str) -> Begun:
    """Take the population over; clear away what a killed run has left behind."""
    project = parts.project
    agents = registry.living()
    killed = registry.meta("running") is not None
    memories = {} if killed else registry.memories()
    events: list[Event] = [Event(Kind.COMMAND, _cycle(registry), None, {"command": "life-cycle"})]
    records: list[AgentRecord] = []
    meta: dict[str, str | None] = {}
    if killed:
        end_strangers_left_behind(leftovers(project.agents))
        records = [_orphaned(record) for record in agents.values()]
        broken = registry.meta("broken_by")
        reason = f"{BROKEN} {broken}" if broken else KILLED
        events.append(Event(Kind.TAINT, _cycle(registry), None, {"reason": reason}))
        meta |= {"running": None, "broken_by": None}
        if registry.meta("tainted") is None:
            meta["tainted"] = reason
    forget = dict.fromkeys(registry.memories(), None) if killed else {}
    since = registry.meta(FREELY)
    if since is not None and project.settings.mode == "lockstep":
        reason = f'in cycle {since} mutations came to life at once (mode = "free")'
        events.append(Event(Kind.TAINT, _cycle(registry), None, {"reason": reason}))
        meta |= {FREELY: None, "tainted": meta.get("tainted", registry.meta("tainted")) or reason}
    awaited = frozenset((registry.meta(AWAITED) or "").split())
    meta[AWAITED] = None  # a run asks for everybody at once
    batch = Batch(records=records, memories=forget, meta=meta, events=events)
    parts.sink.deliver(registry.commit(batch, run))
    _clear_graves(project, registry)
    return Begun({**agents, **{record.id: record for record in records}}, memories, awaited)


def open_colony(parts: Parts, registry: Registry) -> Colony:
    """The colony of this run; its epoch is one more than that of the run before."""
    epoch = int(registry.meta("epoch") or 0) + 1
    registry.commit(Batch(meta={"epoch": str(epoch)}), run="")
    patience = parts.project.settings.supervise
    return Colony(
        parts.project.workspace,
        epoch=epoch,
        limits=limits_of(parts),
        orphan_seconds=patience.orphan_seconds,
        log_bytes=patience.log_bytes,
        room=Room.of(patience),
    )


def limits_of(parts: Parts) -> Limits:
    patience = parts.project.settings.supervise
    return Limits(
        cpu=patience.cpu_deadline,
        wall=patience.wall_deadline,
        ready_wall=patience.start_deadline,
        stop=patience.stop_grace,
    )


def end(
    parts: Parts,
    registry: Registry,
    run: str,
    colony: Colony,
    agents: Mapping[str, AgentRecord],
) -> None:
    """Send every agent home and keep what it remembers, so that the next run goes on as if
    nothing had been."""
    byes = colony.stop(list(colony.running()))
    cycle = _cycle(registry)
    records = stopped(agents, list(byes))
    memories = {
        agent: bye.state
        for agent, bye in byes.items()
        if bye.state is not None and agent in records
    }
    if not parts.project.settings.supervise.remember:
        memories = {}
    data = {"cause": "planned", "reason": "the life-cycle ended"}
    events = [
        Event(Kind.EXIT, cycle, agent, {**data, "pid": agents[agent].pid}) for agent in records
    ]
    meta: dict[str, str | None] = {"running": None}
    for agent, bye in byes.items():
        if bye.state is None or bye.unkillable:
            reason = f"agent {agent} left without its memory: {bye.reason}"
            events.append(Event(Kind.TAINT, cycle, None, {"reason": reason}))
            meta.setdefault("tainted", registry.meta("tainted") or reason)
    events.append(Event(Kind.COMMAND, cycle, None, {"command": "end"}))
    batch = Batch(records=list(records.values()), memories=dict(memories), meta=meta, events=events)
    parts.sink.deliver(registry.commit(batch, run))
    registry.forget_events(parts.project.settings.events.kept)


def reread_pool(
    parts: Parts, registry: Registry, known: GenePool, cycle: int
) -> tuple[GenePool, Event]:
    """The changed template as a pool, or the known pool when it cannot be used."""
    try:
        pool = parts.substrate.read_pool(parts.project.template)
        if pool.fixed_hash != known.fixed_hash:
            raise EvolveError("its kernel differs from that of the living", where="agent_template")
        pool = parts.substrate.equip(parts.project.workspace, pool)
    except EvolveError as error:
        data = {"command": "template", "refused": str(error)}
        return known, Event(Kind.COMMAND, cycle, None, data)
    store = ContentStore(parts.project.sources)
    for code in pool.code.values():
        store.put(code)
    before = {source.path for source in known.sources}
    new = [source.path for source in pool.sources if source.path not in before]
    return pool, Event(Kind.COMMAND, cycle, None, {"command": "template", "new": new})


def told_of_pool(event: Event) -> tuple[str, ...]:
    """A change of the template in words."""
    if "refused" in event.data:
        return (f"template refused, the one before stays: {event.data['refused']}",)
    return tuple(
        f"template: {path} is there for mutations and births" for path in event.data["new"]
    )


def clear_away(project: Project, dead: Iterable[str]) -> None:
    """Folders of the dead go; genome and story stay in the registry."""
    for agent in dead:
        with suppress(OSError):
            remove_tree(project.agent(agent))
        for pipe in project.pipes.glob(f"{agent}.*"):
            pipe.unlink(missing_ok=True)


def _clear_graves(project: Project, registry: Registry) -> None:
    """Folders of agents that died just before a crash. Other folders are not ours to remove."""
    dead = {record.id for record in registry.dead()}
    clear_away(project, (f.name for f in project.agents.iterdir() if f.name in dead))


def _orphaned(record: AgentRecord) -> AgentRecord:
    waits = record.state in (State.RUNNING, State.STARTING)
    return replace(
        record,
        state=State.WAITING if waits else record.state,
        pid=None,
        running_fingerprint="",
        lived_tick=-1,
    )


def _cycle(registry: Registry) -> int:
    last = registry.last_cycle()
    return last[0] if last else 0
