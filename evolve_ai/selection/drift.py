"""The control policy: random births and deaths, as many as under selection."""

import random

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.common import able, age_deaths, births, mates, turnover


def drift(view: PopulationView, rng: random.Random) -> Verdicts:
    """Neutral drift (Kimura 1968): neither energy nor fitness affects life or death."""
    shuffled = rng.sample(view.members, len(view.members))
    deaths = turnover(view, age_deaths(view), shuffled, Cause.TURNOVER)
    parents = able(view, deaths)
    if not parents:
        return Verdicts(tuple(deaths))
    return Verdicts(tuple(deaths), births(view, deaths, lambda _: mates(parents, rng)))
