"""Owns truncation selection: the least fit die, the fitter half breeds."""

import random

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import Candidate, PopulationView, Verdicts
from evolve_ai.selection.common import able, age_deaths, births, mates, turnover

BREEDING_SHARE = 0.5


def truncation(view: PopulationView, rng: random.Random) -> Verdicts:
    """Truncation selection (Mühlenbein and Schlierkamp-Voosen 1993) by fitness."""
    ranked = sorted(view.candidates, key=_fitness)
    deaths = turnover(view, age_deaths(view), ranked, Cause.SELECTED)
    fit = sorted((c for c in able(view, deaths) if c.fitness is not None), key=_fitness)
    parents = fit[int(len(fit) * (1 - BREEDING_SHARE)) :]
    if not parents:
        return Verdicts(tuple(deaths))
    return Verdicts(tuple(deaths), births(view, deaths, lambda _: mates(parents, rng)))


def _fitness(candidate: Candidate) -> tuple[float, str]:
    return (candidate.fitness if candidate.fitness is not None else -1.0, candidate.id)
