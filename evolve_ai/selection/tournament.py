"""Tournament selection: small random groups decide which agents breed and which die."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Member, PopulationView, Verdicts
from evolve_ai.model.selection_settings import TournamentOptions
from evolve_ai.selection.common import (
    able,
    age_deaths,
    births,
    by_fitness,
    is_grown,
    survivors,
    turnover,
)


@dataclass(frozen=True, slots=True)
class Tournament:
    """Goldberg and Deb 1991: of a few random members the best breeds, the worst dies."""

    options: TournamentOptions

    def __call__(self, view: PopulationView, rng: random.Random) -> Verdicts:
        size, deaths = self.options.size, age_deaths(view)
        losers = _losers(survivors(view, deaths), rng, size)
        deaths = turnover(view, deaths, losers, Cause.SELECTED)
        fit = [c for c in able(view, deaths) if c.fitness is not None]
        if not fit:
            return Verdicts(tuple(deaths))

        def pair(_: int) -> tuple[str, ...]:
            first, second = (
                max(rng.sample(fit, min(size, len(fit))), key=by_fitness).id for _ in range(2)
            )
            return (first,) if first == second else (first, second)

        return Verdicts(tuple(deaths), births(view, deaths, pair))


def _losers(remaining: list[Member], rng: random.Random, size: int) -> Iterator[Member]:
    """The loser of each tournament, as long as grown members remain."""
    grown = [c for c in remaining if is_grown(c)]
    while grown:
        at = min(
            rng.sample(range(len(grown)), min(size, len(grown))), key=lambda n: by_fitness(grown[n])
        )
        yield grown.pop(at)
