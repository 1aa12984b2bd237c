"""Truncation selection: the least fit die, the fitter part breeds."""

import random
from dataclasses import dataclass

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.model.selection_settings import TruncationOptions
from evolve_ai.selection.common import age_deaths, births, mates, ranked_by_fitness, turnover


@dataclass(frozen=True, slots=True)
class Truncation:
    """Mühlenbein and Schlierkamp-Voosen 1993, by fitness."""

    options: TruncationOptions

    def __call__(self, view: PopulationView, rng: random.Random) -> Verdicts:
        ranked = ranked_by_fitness(view)
        deaths = turnover(view, age_deaths(view), ranked, Cause.SELECTED)
        dead = {agent for agent, _ in deaths}
        fit = [
            one for one in ranked if one.fitness is not None and one.running and one.id not in dead
        ]
        parents = fit[int(len(fit) * (1 - self.options.breeding_share)) :]
        if not parents:
            return Verdicts(tuple(deaths))
        return Verdicts(tuple(deaths), births(view, deaths, lambda _: mates(parents, rng)))
