"""Owns tournament selection: small random groups decide who breeds and who dies."""

import random
from collections.abc import Iterator

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Candidate, PopulationView, Verdicts
from evolve_ai.selection.common import (
    able,
    age_deaths,
    births,
    by_fitness,
    is_grown,
    survivors,
    turnover,
)

SIZE = 3


def tournament(view: PopulationView, rng: random.Random) -> Verdicts:
    """Tournaments of three (Goldberg and Deb 1991): the best breeds, the worst dies."""
    deaths = age_deaths(view)
    deaths = turnover(view, deaths, _losers(survivors(view, deaths), rng), Cause.SELECTED)
    fit = [c for c in able(view, deaths) if c.fitness is not None]
    if not fit:
        return Verdicts(tuple(deaths))

    def pair(_: int) -> tuple[str, ...]:
        first, second = (
            max(rng.sample(fit, min(SIZE, len(fit))), key=by_fitness).id for _ in range(2)
        )
        return (first,) if first == second else (first, second)

    return Verdicts(tuple(deaths), births(view, deaths, pair))


def _losers(remaining: list[Candidate], rng: random.Random) -> Iterator[Candidate]:
    """The losers of one tournament after another, as long as there are grown ones."""
    grown = [c for c in remaining if is_grown(c)]
    while grown:
        at = min(
            rng.sample(range(len(grown)), min(SIZE, len(grown))), key=lambda n: by_fitness(grown[n])
        )
        yield grown.pop(at)
