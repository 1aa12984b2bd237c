"""Owns the default policy: who has no energy dies, who is rich breeds."""

import random
from collections.abc import Mapping

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.common import able, age_deaths, turnover, wanted_births


def energy(view: PopulationView, rng: random.Random) -> Verdicts:
    """Energy decides both ends of life, so fitness works only through what the world pays."""
    deaths = [(c.id, str(Cause.STARVED)) for c in view.candidates if c.energy <= 0]
    starved = {agent for agent, _ in deaths}
    deaths += [(agent, cause) for agent, cause in age_deaths(view) if agent not in starved]
    poorest = sorted(view.candidates, key=lambda c: c.energy)
    deaths = turnover(view, deaths, poorest, Cause.TURNOVER)
    purses = {c.id: c.energy for c in able(view, deaths)}
    births = []
    for _ in range(wanted_births(view, deaths)):
        parents = _pair(view, purses, rng)
        if not parents:
            break
        purses[parents[0]] -= view.endowment
        births.append(parents)
    return Verdicts(tuple(deaths), tuple(births))


def _pair(view: PopulationView, purses: Mapping[str, int], rng: random.Random) -> tuple[str, ...]:
    """Two draws among the rich, by energy; the richer first, for it endows the child.

    Who is drawn twice has a child alone.
    """
    rich = {agent: purse for agent, purse in purses.items() if purse >= view.breeding_energy}
    if not rich:
        return ()
    first, second = rng.choices(list(rich), weights=list(rich.values()), k=2)
    if first == second:
        return (first,)
    return (first, second) if rich[first] >= rich[second] else (second, first)
