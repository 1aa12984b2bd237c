"""Owns tournament selection: small random groups decide who breeds and who dies."""

import random

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Candidate, PopulationView, Verdicts
from evolve_ai.selection.common import age_deaths, births, survivors, turnover

SIZE = 3


def tournament(view: PopulationView, rng: random.Random) -> Verdicts:
    """Tournaments of three (Goldberg and Deb 1991): the best breeds, the worst dies."""
    deaths = age_deaths(view)
    remaining = survivors(view, deaths)
    losers: list[Candidate] = []
    for _ in range(round(view.turnover_floor * view.places)):
        grown = [c for c in remaining if c.age >= 2 and c not in losers]
        if not grown:
            break
        losers.append(min(rng.sample(grown, min(SIZE, len(grown))), key=_fitness))
    deaths = turnover(view, deaths, losers, Cause.SELECTED)
    able = [c for c in survivors(view, deaths) if c.fitness is not None]
    if not able:
        return Verdicts(tuple(deaths))

    def pair(_: int) -> tuple[str, ...]:
        first, second = (
            max(rng.sample(able, min(SIZE, len(able))), key=_fitness).id for _ in range(2)
        )
        return (first,) if first == second else (first, second)

    return Verdicts(tuple(deaths), births(view, deaths, pair))


def _fitness(candidate: Candidate) -> tuple[float, str]:
    return (candidate.fitness if candidate.fitness is not None else -1.0, candidate.id)
