"""Takes over living agents when a run begins: which run on, which were stopped, what is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from evolve_ai.contracts.colony import Colony
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.colony import Adopted, Pool, Start
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Event
from evolve_ai.model.report import GenePool
from evolve_ai.session.components import Components
from evolve_ai.stages.supervise import began_unrecorded, exit_event, offered, stopped
from evolve_ai.state.registry import Registry
from evolve_ai.system.leftovers import leftovers
from evolve_ai.system.processes import end_strangers_left_behind

ALL_ENDED = "all agents were ended from outside, and their memories are lost"
KILLED_AT_END = "the life-cycle was killed as it ended"
BROKEN_OFF = "the season of cycle {} was interrupted, and begins again"


def prelude(cycle: int) -> str:
    """The title of the order that starts the agents of a cycle."""
    return f"prelude {cycle}"


@dataclass(frozen=True, slots=True)
class TakenOver:
    """The population as found; `resumes`: in the middle of a season."""

    agents: Mapping[str, AgentRecord]
    memories: Mapping[str, bytes]
    resumes: bool
    events: tuple[Event, ...] = ()
    taints: tuple[str, ...] = ()
    lost: frozenset[str] = field(default_factory=frozenset)  # agents whose memories are lost


def take_over(
    components: Components,
    registry: Registry,
    pool: GenePool,
    colony: Colony,
    agents: Mapping[str, AgentRecord],
    cycle: int,
    as_found: bool = False,
) -> TakenOver:
    """`cycle` is the last committed one.

    In lockstep, an uncommitted order will be repeated, and the colony answers it as if for the
    first time. In free mode, or with `as_found`, it is not: its effects so far are recorded.
    """
    memories = registry.memories()
    adrift = registry.state.adrift
    if adrift is not None:
        colony.adopt({}, {})
        colony.forget()
        return _nobody_left(agents, memories, adrift)
    known, expected = on_record(components, registry, pool, agents, memories)
    adopted = colony.adopt(known, expected)
    running = colony.running()
    left = leftovers(components.project.agents)
    end_strangers_left_behind(found for found in left if found.pid not in running.values())
    if expected and not running and adopted.lost >= expected.keys():
        colony.forget()
        colony.reap()
        return _nobody_left(agents, memories, ALL_ENDED)
    turning = season_under_way(registry)
    elsewhere = lived_elsewhere(components, registry) is not None
    resumes = turning and bool(running or not expected) and not elsewhere
    taints: tuple[str, ...] = colony.take_taints()
    if turning and not resumes:
        taints = (*taints, BROKEN_OFF.format(cycle + 1))
    if not resumes and (turning or registry.state.abandoned is not None):
        colony.forget()
    if adopted.title == prelude(cycle + 1) and not as_found:
        return TakenOver(agents, memories, resumes, taints=taints)
    return _as_found(components, agents, memories, adopted, running, cycle, resumes, taints)


def season_under_way(registry: Registry) -> bool:
    """True if the season after the last committed cycle has begun."""
    return registry.state.turning == registry.cycle + 1


def lived_elsewhere(components: Components, registry: Registry) -> str | None:
    """The environment of the season under way, if the settings now name another one."""
    world = registry.state.world if season_under_way(registry) else None
    name = str(world["name"]) if world else None
    return None if name == components.project.settings.environment.name else name


def refuse_another_world(components: Components, registry: Registry) -> None:
    """SettingsError when living agents are in the middle of a season of another environment.

    If no agent lives, that season begins anew, in the world of the settings.
    """
    world = lived_elsewhere(components, registry)
    if world is None or not any(leftovers(components.project.agents)):
        return
    wanted = components.project.settings.environment.name
    raise SettingsError(
        f"environment is {wanted!r} now, but a season was interrupted in the middle, and its "
        f"agents live on in {world!r}",
        where=components.project.root / "evolve.toml",
        todo=f'put back [environment] name = "{world}", finish that season (evolve life-cycle '
        "--cycles 1), then change it; or give it up: evolve life-cycle --abandon-season",
    )


def on_record(
    components: Components,
    registry: Registry,
    pool: GenePool,
    agents: Mapping[str, AgentRecord],
    memories: Mapping[str, bytes],
) -> tuple[dict[str, Start], dict[str, int]]:
    """What a colony needs to adopt agents: the start (greeting) of each, and the pids on record."""
    genes = offered(pool)
    known = {
        agent: _greeting(components, registry, genes, agents[agent], memories) for agent in agents
    }
    expected = {record.id: record.pid for record in agents.values() if record.pid is not None}
    return known, expected


def _greeting(
    components: Components,
    registry: Registry,
    genes: Pool,
    record: AgentRecord,
    memories: Mapping[str, bytes],
) -> Start:
    return Start(
        id=record.id,
        folder=components.project.agent(record.id),
        program=None,
        seed=components.draws.integer("agent", record.id),
        genome=registry.genome(record.id),
        state=memories.get(record.id),
        pool=genes,
        tick=max(record.lived_tick, 0),
        place=record.place,
    )


def _nobody_left(
    agents: Mapping[str, AgentRecord], memories: Mapping[str, bytes], reason: str
) -> TakenOver:
    """The population if all processes have ended through no fault of the agents."""
    ended = stopped(agents, [record.id for record in agents.values() if record.pid is not None])
    known = {agent: replace(record, lived_tick=-1) for agent, record in ended.items()}
    lost = frozenset(ended)
    return TakenOver({**agents, **known}, memories, False, taints=(reason,), lost=lost)


def _as_found(
    components: Components,
    agents: Mapping[str, AgentRecord],
    memories: Mapping[str, bytes],
    adopted: Adopted,
    running: Mapping[str, int],
    cycle: int,
    resumes: bool,
    taints: tuple[str, ...],
) -> TakenOver:
    """Stopped agents wait, with the memories that they left; started agents run."""
    left = [r.id for r in agents.values() if r.pid in adopted.left and r.id not in running]
    changed = stopped(agents, left)
    events = [exit_event(agents[agent], cycle, KILLED_AT_END) for agent in left]
    byes = {agent: state for agent in left if (state := adopted.byes.get(agent)) is not None}
    forgetful = len(left) - len(byes)
    if forgetful and components.project.settings.supervise.remember:
        taints = (*taints, f"{forgetful} agents were stopped, and their memories are lost")
    for agent, pid in running.items():
        if agents[agent].pid != pid:
            fingerprint = adopted.notes[agent].partition("@")[0]
            changed[agent], event = began_unrecorded(agents[agent], pid, fingerprint, cycle)
            events.append(event)
    return TakenOver({**agents, **changed}, {**memories, **byes}, resumes, tuple(events), taints)
