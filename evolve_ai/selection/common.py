"""Owns what the built-in policies share: ageing, the turnover floor, the number of births."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Candidate, PopulationView

Death = tuple[str, str]


def age_deaths(view: PopulationView) -> list[Death]:
    """Who is older than the age limit."""
    return [(c.id, Cause.AGE) for c in view.candidates if c.age > view.age_limit]


def turnover(
    view: PopulationView, deaths: Sequence[Death], worst_first: Iterable[Candidate], cause: str
) -> list[Death]:
    """Deaths filled up to the turnover floor, from grown (age 2 and more) candidates."""
    dead = {agent for agent, _ in deaths}
    missing = int(view.turnover_floor * len(view.candidates)) - len(deaths)
    grown = [c for c in worst_first if c.age >= 2 and c.id not in dead]
    return [*deaths, *((c.id, cause) for c in grown[: max(0, missing)])]


def births(
    view: PopulationView,
    deaths: Collection[Death],
    draw_pair: Callable[[int], tuple[str, ...]],
) -> tuple[tuple[str, ...], ...]:
    """As many pairs as there are empty places, up to the share that may be born in a cycle."""
    return tuple(draw_pair(n) for n in range(wanted_births(view, deaths)))


def wanted_births(view: PopulationView, deaths: Collection[Death]) -> int:
    """The empty places, at most the share that may be born in a cycle (but one at least)."""
    empty = view.places - len(view.candidates) + len(deaths)
    return max(0, min(empty, max(1, int(view.births_share * view.places))))


def survivors(view: PopulationView, deaths: Collection[Death]) -> list[Candidate]:
    dead = {agent for agent, _ in deaths}
    return [c for c in view.candidates if c.id not in dead]


def mates(pool: Sequence[Candidate], rng: random.Random) -> tuple[str, ...]:
    """Two different parents where there are two, else the only one."""
    return tuple(c.id for c in rng.sample(pool, min(2, len(pool))))
