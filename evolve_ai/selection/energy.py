"""The default policy: agents without energy die, rich ones breed."""

import random
from collections.abc import Sequence

import numpy as np

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.common import wanted_births
from evolve_ai.selection.draws import WeightedDraws


def energy(view: PopulationView, rng: random.Random) -> Verdicts:
    """Energy decides about death and birth, so fitness counts only through what the world pays."""
    living = view.columns
    starved = living.energy <= 0
    aged = (living.age > view.age_limit) & ~starved
    doomed = starved | aged
    missing = max(0, int(view.turnover_floor * len(living.ids)) - int(doomed.sum()))
    poorest = np.argsort(living.energy, kind="stable")
    poorest = poorest[((living.age >= 2) & ~doomed)[poorest]][:missing]
    deaths = [(living.ids[at], str(Cause.STARVED)) for at in np.flatnonzero(starved)]
    deaths += [(living.ids[at], str(Cause.AGE)) for at in np.flatnonzero(aged)]
    deaths += [(living.ids[at], str(Cause.TURNOVER)) for at in poorest]
    doomed[poorest] = True
    purses = np.where(doomed | ~living.running, 0, living.energy).tolist()
    births = _births(view, living.ids, purses, wanted_births(view, deaths), rng)
    return Verdicts(tuple(deaths), tuple(births))


def _births(
    view: PopulationView, ids: Sequence[str], purses: list[int], wanted: int, rng: random.Random
) -> list[tuple[str, ...]]:
    """Draw two parents by energy for each child; the richer comes first, since it endows the child.

    An agent that is drawn twice has the child alone.
    """
    rich = WeightedDraws([_weight(view, purse) for purse in purses])
    births: list[tuple[str, ...]] = []
    while len(births) < wanted and rich.total > 0:
        first, second = rich.draw(rng), rich.draw(rng)
        if purses[first] < purses[second]:
            first, second = second, first
        purses[first] -= view.endowment
        rich.change(first, _weight(view, purses[first]))
        births.append((ids[first],) if first == second else (ids[first], ids[second]))
    return births


def _weight(view: PopulationView, purse: int) -> int:
    return purse if purse >= view.breeding_energy else 0
