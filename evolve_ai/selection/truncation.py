"""Owns truncation selection: the least fit die, the fitter half breeds."""

import random

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.common import able, age_deaths, births, by_fitness, mates, turnover

BREEDING_SHARE = 0.5


def truncation(view: PopulationView, rng: random.Random) -> Verdicts:
    """Truncation selection (Mühlenbein and Schlierkamp-Voosen 1993) by fitness."""
    ranked = sorted(view.candidates, key=by_fitness)
    deaths = turnover(view, age_deaths(view), ranked, Cause.SELECTED)
    fit = sorted((c for c in able(view, deaths) if c.fitness is not None), key=by_fitness)
    parents = fit[int(len(fit) * (1 - BREEDING_SHARE)) :]
    if not parents:
        return Verdicts(tuple(deaths))
    return Verdicts(tuple(deaths), births(view, deaths, lambda _: mates(parents, rng)))
