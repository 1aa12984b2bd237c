"""What the built-in policies share: ageing, the turnover floor, the number of births."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import islice

import numpy as np

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Member, PopulationView

Death = tuple[str, str]


def age_deaths(view: PopulationView) -> list[Death]:
    """Who is older than the age limit."""
    return [(c.id, Cause.AGE) for c in view.members if c.age > view.age_limit]


def turnover(
    view: PopulationView, deaths: Sequence[Death], worst_first: Iterable[Member], cause: str
) -> list[Death]:
    """Deaths filled up to the turnover floor, from grown members."""
    dead = {agent for agent, _ in deaths}
    missing = max(0, int(view.turnover_floor * len(view.members)) - len(deaths))
    grown = (c for c in worst_first if is_grown(c) and c.id not in dead)
    return [*deaths, *((c.id, cause) for c in islice(grown, missing))]


def is_grown(member: Member) -> bool:
    """Old enough to be judged by what it has done."""
    return member.age >= 2


def births(
    view: PopulationView,
    deaths: Collection[Death],
    draw_pair: Callable[[int], tuple[str, ...]],
) -> tuple[tuple[str, ...], ...]:
    """As many pairs as there are empty places, up to the share that may be born in a cycle."""
    return tuple(draw_pair(n) for n in range(wanted_births(view, deaths)))


def wanted_births(view: PopulationView, deaths: Collection[Death]) -> int:
    """The empty places, at most the share that may be born in a cycle.

    A share too small for one birth allows one; no share allows none.
    """
    empty = view.places - len(view.members) + len(deaths)
    most = max(1, int(view.births_share * view.places)) if view.births_share > 0 else 0
    return max(0, min(empty, most))


def survivors(view: PopulationView, deaths: Collection[Death]) -> list[Member]:
    dead = {agent for agent, _ in deaths}
    return [c for c in view.members if c.id not in dead]


def able(view: PopulationView, deaths: Collection[Death]) -> list[Member]:
    """Who may breed: survivors that run. A program that does not, has no business in a child."""
    return [c for c in survivors(view, deaths) if c.running]


def mates(pool: Sequence[Member], rng: random.Random) -> tuple[str, ...]:
    """Two different parents where there are two, else the only one."""
    return tuple(c.id for c in rng.sample(pool, min(2, len(pool))))


def by_fitness(member: Member) -> tuple[float, str]:
    """A key to sort by, least fit first; who has no fitness yet comes before all."""
    return (member.fitness if member.fitness is not None else -1.0, member.id)


def ranked_by_fitness(view: PopulationView) -> list[Member]:
    """The members, least fit first; who has no fitness yet comes before all."""
    living = view.columns
    fitness = np.nan_to_num(living.fitness, nan=-1.0)
    order = np.lexsort((np.array(living.ids), fitness))
    return [view.members[at] for at in order]
