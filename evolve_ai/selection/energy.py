"""Owns the default policy: who has no energy dies, who is rich breeds."""

import random

from evolve_ai.model.agent import Cause
from evolve_ai.model.selection import PopulationView, Verdicts
from evolve_ai.selection.common import age_deaths, survivors, turnover


def energy(view: PopulationView, rng: random.Random) -> Verdicts:
    """Energy decides both ends of life, so fitness works only through what the world pays."""
    deaths = [(c.id, str(Cause.STARVED)) for c in view.candidates if c.energy <= 0]
    starved = {agent for agent, _ in deaths}
    deaths += [(agent, cause) for agent, cause in age_deaths(view) if agent not in starved]
    poorest = sorted(view.candidates, key=lambda c: (c.energy, c.id))
    deaths = turnover(view, deaths, poorest, Cause.TURNOVER)
    living = survivors(view, deaths)
    rich = [c for c in living if c.running and c.energy >= view.breeding_energy]
    rich.sort(key=lambda c: (-c.energy, c.id))
    limit = max(1, round(view.births_share * view.places))
    wanted = min(view.places - len(living), limit, len(rich))
    births = []
    for parent in rich[: max(0, wanted)]:
        others = [c for c in rich if c.id != parent.id]
        mate = (rng.choice(others).id,) if others else ()
        births.append((parent.id, *mate))
    return Verdicts(tuple(deaths), tuple(births))
