"""What a selection policy sees, and what it returns."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Member:
    """A living agent before selection. Energy in thousandths, age in cycles, fitness 0..1."""

    id: str
    energy: int
    fitness: float | None
    age: int
    generation: int
    active_genes: int
    running: bool


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """The members as arrays, in their order: energy in thousandths (int64), fitness (float64,
    NaN: none yet), age in cycles and generation (int64), running (bool)."""

    ids: tuple[str, ...]
    energy: npt.NDArray[np.int64]
    fitness: npt.NDArray[np.float64]
    age: npt.NDArray[np.int64]
    generation: npt.NDArray[np.int64]
    running: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PopulationView:
    """The population as policies see it. Shares are of `places`; energies in thousandths.

    Agents in quarantine are not among the members, and their places are not counted in `places`.
    """

    cycle: int
    places: int
    start_energy: int
    breeding_energy: int
    endowment: int
    age_limit: int
    turnover_floor: float
    births_share: float
    members: tuple[Member, ...]

    @property
    def columns(self) -> Columns:
        """Made on demand, since it takes a millisecond for a thousand members."""
        them, count = self.members, len(self.members)
        nothing = math.nan
        fitness = (nothing if one.fitness is None else one.fitness for one in them)
        return Columns(
            ids=tuple(one.id for one in them),
            energy=np.fromiter((one.energy for one in them), np.int64, count),
            fitness=np.fromiter(fitness, np.float64, count),
            age=np.fromiter((one.age for one in them), np.int64, count),
            generation=np.fromiter((one.generation for one in them), np.int64, count),
            running=np.fromiter((one.running for one in them), np.bool_, count),
        )


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Deaths (id, cause), and births: a tuple of one or two parent ids for each."""

    deaths: tuple[tuple[str, str], ...] = ()
    births: tuple[tuple[str, ...], ...] = ()
