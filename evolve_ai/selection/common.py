"""Rules that the built-in policies share: ageing, the turnover floor, the number of births."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

import numpy as np

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Member, PopulationView

Death = tuple[str, str]


def age_deaths(view: PopulationView) -> list[Death]:
    """The members older than the age limit."""
    return [(c.id, Cause.AGE) for c in view.members if c.age > view.age_limit]


def turnover(
    view: PopulationView, deaths: Sequence[Death], worst_first: Iterable[Member], cause: str
) -> list[Death]:
    """The deaths, filled up to the turnover floor with grown members."""
    dead = {agent for agent, _ in deaths}
    missing = max(0, int(view.turnover_floor * len(view.members)) - len(deaths))
    grown = (c for c in worst_first if is_grown(c) and c.id not in dead)
    return [*deaths, *((c.id, cause) for c in islice(grown, missing))]


def is_grown(member: Member) -> bool:
    """True if the member is old enough to be judged by its fitness."""
    return member.age >= 2


def births(
    view: PopulationView,
    deaths: Collection[Death],
    draw_pair: Callable[[int], tuple[str, ...]],
) -> tuple[tuple[str, ...], ...]:
    """As many pairs as there are empty places, up to the share allowed per cycle."""
    return tuple(draw_pair(n) for n in range(wanted_births(view, deaths)))


def wanted_births(view: PopulationView, deaths: Collection[Death]) -> int:
    """The number of empty places, up to the share allowed per cycle.

    A positive share too small for one birth allows one; a share of 0 allows none.
    """
    empty = view.places - len(view.members) + len(deaths)
    most = max(1, int(view.births_share * view.places)) if view.births_share > 0 else 0
    return max(0, min(empty, most))


def survivors(view: PopulationView, deaths: Collection[Death]) -> list[Member]:
    dead = {agent for agent, _ in deaths}
    return [c for c in view.members if c.id not in dead]


def able(view: PopulationView, deaths: Collection[Death]) -> list[Member]:
    """The members that may breed: survivors that run. A child should not get a failing program."""
    return [c for c in survivors(view, deaths) if c.running]


def mates(pool: Sequence[Member], rng: random.Random) -> tuple[str, ...]:
    """Two different parents if there are two members, otherwise the only one."""
    return tuple(c.id for c in rng.sample(pool, min(2, len(pool))))


def by_fitness(member: Member) -> tuple[float, str]:
    """A sort key, least fit first; members without fitness come before all others."""
    return (member.fitness if member.fitness is not None else -1.0, member.id)


def ranked_by_fitness(view: PopulationView) -> list[Member]:
    """The members, least fit first; members without fitness come before all others."""
    living = view.columns
    fitness = np.nan_to_num(living.fitness, nan=-1.0)
    order = np.lexsort((np.array(living.ids), fitness))
    return [view.members[at] for at in order]
