"""Owns what the built-in policies share: ageing, the turnover floor, the number of births."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Candidate, PopulationView

Death = tuple[str, str]


def age_deaths(view: PopulationView) -> list[Death]:
    """Who has reached the age limit (0: nobody ages)."""
    if view.age_limit == 0:
        return []
    return [(c.id, Cause.AGE) for c in view.candidates if c.age >= view.age_limit]


def turnover(
    view: PopulationView, deaths: Sequence[Death], worst_first: Iterable[Candidate], cause: str
) -> list[Death]:
    """Deaths filled up to the turnover floor, from grown (age 2 and more) candidates."""
    dead = {agent for agent, _ in deaths}
    missing = round(view.turnover_floor * view.places) - len(deaths)
    grown = [c for c in worst_first if c.age >= 2 and c.id not in dead]
    return [*deaths, *((c.id, cause) for c in grown[: max(0, missing)])]


def births(
    view: PopulationView,
    deaths: Collection[Death],
    draw_pair: Callable[[int], tuple[str, ...]],
) -> tuple[tuple[str, ...], ...]:
    """As many pairs as there are empty places, up to the share that may be born in a cycle."""
    alive = len(view.candidates) - len(deaths)
    limit = max(1, round(view.births_share * view.places))
    wanted = min(view.places - alive, limit)
    return tuple(draw_pair(n) for n in range(max(0, wanted)))


def survivors(view: PopulationView, deaths: Collection[Death]) -> list[Candidate]:
    dead = {agent for agent, _ in deaths}
    return [c for c in view.candidates if c.id not in dead]


def mates(pool: Sequence[Candidate], rng: random.Random) -> tuple[str, ...]:
    """Two different parents where there are two, else the only one."""
    return tuple(c.id for c in rng.sample(pool, min(2, len(pool))))
