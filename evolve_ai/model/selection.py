"""Owns what a selection policy sees and what it answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A living agent before selection. Energy in thousandths, age in cycles, fitness 0..1."""

    id: str
    energy: int
    fitness: float | None
    age: int
    generation: int
    active_genes: int
    running: bool


@dataclass(frozen=True, slots=True)
class PopulationView:
    """The population as policies see it. Shares are of `places`; energies in thousandths.

    Who is in quarantine is no candidate, and the place that it keeps is none of these places.
    """

    cycle: int
    places: int
    start_energy: int
    breeding_energy: int
    endowment: int
    age_limit: int
    turnover_floor: float
    births_share: float
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Who dies (id, cause) and who breeds: one tuple of one or two parent ids for each birth."""

    deaths: tuple[tuple[str, str], ...] = ()
    births: tuple[tuple[str, ...], ...] = ()
