"""Owns worlds and residents for tests of environments."""

from collections.abc import Mapping
from pathlib import Path

from evolve_ai.contracts.environment import Environment
from evolve_ai.environments.demes import Demes
from evolve_ai.environments.ledger import Prices
from evolve_ai.environments.series import Series, SeriesWorld, Stretch
from evolve_ai.environments.solitary import Solitary
from evolve_ai.model.draws import Draws
from evolve_ai.model.environment_settings import SeriesOptions
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Act, Percept, Resident, Season

RULES = EconomySettings()
DRAWS = Draws(7)
VALUES = tuple(float(n % 7 * 10 + n) for n in range(40))


def resident(place: int, **changes: object) -> Resident:
    plain = {
        "id": f"agent-{place}",
        "place": place,
        "energy": 10_000,
        "load": 1.0,
        "lived_tick": -1,
        "running": True,
    }
    return Resident(**{**plain, **changes})  # type: ignore[arg-type]


def series(
    places: int = 4, rules: EconomySettings = RULES, stretch: Stretch | None = None
) -> Series:
    return Series(stretch or Stretch(VALUES), Prices.derived(rules), places, DRAWS)


def solitary(places: int = 4, rules: EconomySettings = RULES) -> Solitary:
    return Solitary(Prices.derived(rules), places, DRAWS)


def demes(places: int = 4, rules: EconomySettings = RULES) -> Demes:
    """Two series side by side."""
    return Demes(lambda share: series(share, rules), places, 2, (0, 1))


def world(tmp_path: Path, **settings: object) -> SeriesWorld:
    return SeriesWorld(tmp_path, SeriesOptions(**settings), RULES, DRAWS)  # type: ignore[arg-type]


def settle(environment: Environment, *residents: Resident, tick: int = 0, cycle: int = 1) -> None:
    environment.move_in(residents, tick, cycle)


def live_tick(environment: Environment, acts: Mapping[str, Act]) -> list[Mapping[str, Percept]]:
    """One tick in which those answer of whom an act is given; the percepts of its phases."""
    told = []
    for phase in range(environment.phases):
        percepts = environment.percepts(phase)
        environment.hear(phase, {agent: acts[agent] for agent in percepts if agent in acts})
        told.append(percepts)
    environment.end_tick()
    return told


def season(environment: Environment, *ticks: Mapping[str, Act]) -> Season:
    for acts in ticks:
        live_tick(environment, acts)
    return environment.close()
