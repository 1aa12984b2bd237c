"""The verb select: shows a policy the population and checks what it answers."""

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.model.errors import PluginError
from evolve_ai.model.selection import Member, PopulationView, Verdicts
from evolve_ai.stages.context import Context
from evolve_ai.stages.supervise import FINAL


def member_of(record: AgentRecord) -> Member:
    return Member(
        id=record.id,
        energy=record.energy,
        fitness=record.fitness,
        age=record.age,
        generation=record.generation,
        active_genes=record.active_genes,
        running=record.state is State.RUNNING,
    )


def select(
    context: Context,
    agents: Mapping[str, AgentRecord],
    policy: SelectionPolicy,
    places: int,
) -> Verdicts:
    """Who dies and who breeds. While the world stands still only those die who have ended.

    The policy sees nobody who is in quarantine, nor their places: they die of that alone, when
    they have been there for too long.
    """
    ended = tuple((r.id, str(r.cause)) for r in agents.values() if r.cause in FINAL)
    if context.settings.cycle.ticks == 0:
        return Verdicts(ended)
    aside = {r.id: r for r in agents.values() if r.is_set_aside}
    ended += _given_up(context, aside)
    members = [record for record in agents.values() if record.id not in aside]
    if not members:
        return Verdicts(ended)
    open_places = places - len(aside.keys() - {agent for agent, _ in ended})
    view = _view_of(context, members, open_places)
    rng = context.draws.rng("select", context.cycle)
    verdicts = process_natural_selection(view, policy, rng, frozenset(aside))
    return replace(verdicts, deaths=(*ended, *verdicts.deaths))


def _view_of(context: Context, members: Iterable[AgentRecord], places: int) -> PopulationView:
    economy, start_energy = context.settings.economy, context.start_energy
    return PopulationView(
        cycle=context.cycle,
        places=places,
        start_energy=start_energy,
        breeding_energy=int(economy.breeding * start_energy),
        endowment=int(economy.endowment * start_energy),
        age_limit=economy.age_limit,
        turnover_floor=economy.turnover_floor,
        births_share=economy.births_share,
        members=tuple(map(member_of, members)),
    )


def _given_up(context: Context, aside: Mapping[str, AgentRecord]) -> tuple[tuple[str, str], ...]:
    """Who has been in quarantine for longer than it keeps its place."""
    limit = context.settings.cycle.quarantine_cycles or math.inf
    return tuple(
        (record.id, str(Cause.QUARANTINE))
        for record in aside.values()
        if record.quarantine_cycles > limit and record.cause not in FINAL
    )


def process_natural_selection(
    view: PopulationView,
    policy: SelectionPolicy,
    rng: random.Random,
    aside: frozenset[str] = frozenset(),
) -> Verdicts:
    """The policy's verdicts, or PluginError when it raises or names who is not there.

    `aside` are the agents in quarantine, of whom nobody may decide. Candidates are shown by id, so
    that no verdict depends on where they came from.
    """
    name = getattr(policy, "__qualname__", type(policy).__name__)
    view = replace(view, members=tuple(sorted(view.members, key=lambda c: c.id)))
    try:
        answer = policy(view, rng)
    except PluginError:
        raise  # a policy of the user's own is called with a guard, which has told it
    except Exception as error:
        raise PluginError(
            f"the selection policy {name} failed: {type(error).__name__}: {error}",
            todo='mend it, or choose another one: [selection] name = "energy" in evolve.toml',
        ) from error
    try:
        return _checked(answer, frozenset(c.id for c in view.members), aside)
    except ValueError as problem:
        raise PluginError(
            f"the selection policy {name} {problem}",
            todo="it must return a Verdicts of members' ids: see docs/environments.md",
        ) from problem


def _checked(answer: object, members: frozenset[str], aside: frozenset[str]) -> Verdicts:
    """The same verdicts in the shape that they should have; ValueError says what is wrong."""
    if not isinstance(answer, Verdicts):
        raise ValueError(f"returned {type(answer).__name__} instead of Verdicts")
    deaths: dict[str, str] = {}
    for agent, cause in (_strings(death, "deaths", 2) for death in _items(answer.deaths, "deaths")):
        if agent not in members:
            raise ValueError(f"condemned {agent!r}, {_no_member(agent, aside)}")
        if agent in deaths:
            raise ValueError(f"condemned {agent!r} twice")
        deaths[agent] = cause
    births = tuple(_strings(one, "births", 1, 2) for one in _items(answer.births, "births"))
    for parent in (parent for parents in births for parent in parents):
        if parent not in members or parent in deaths:
            raise ValueError(f"made {parent!r} a parent, {_no_member(parent, aside)}")
    return Verdicts(tuple(deaths.items()), births)


def _no_member(agent: str, aside: frozenset[str]) -> str:
    if agent in aside:
        return "who is in quarantine"
    return "who is not alive"


def _items(value: object, name: str) -> list[object]:
    if not isinstance(value, Iterable):
        raise ValueError(f"returned {name} that are no sequence: {value!r}"[:200])
    try:
        return list(value)
    except Exception as error:
        raise ValueError(f"failed in its {name}: {type(error).__name__}: {error}") from error


def _strings(value: object, name: str, *lengths: int) -> tuple[str, ...]:
    """A tuple of so many strings. Members of a StrEnum become plain ones."""
    if isinstance(value, tuple | list) and len(value) in lengths:
        found = tuple(str(item) for item in value if isinstance(item, str))
        if len(found) == len(value):
            return found
    wanted = " or ".join(map(str, lengths))
    raise ValueError(
        f"returned {value!r}"[:150] + f" among {name}, a tuple of {wanted} strings is needed"
    )
