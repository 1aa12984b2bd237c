"""Owns what passes between a world and its residents in a tick, and what a cycle leaves.

What is made anew for each agent in each tick is a Struct: a quarter of the time of a dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

MAX_STEPS = 1_000_000  # of a percept: what `series.replay` may promise
MAX_HEARD = 256  # neighbours of a percept


@dataclass(frozen=True, slots=True)
class Resident:
    """An agent as its world knows it. `lived_tick` is the last tick its memory holds, or -1."""

    id: str
    place: int
    energy: int
    active_genes: int
    lived_tick: int
    running: bool


class Percept(Struct, frozen=True):
    """What an agent gets in a tick. `steps` oldest first; `heard` one per neighbour slot."""

    steps: tuple[float, ...]
    heard: tuple[float | None, ...]
    energy: int


class Act(Struct, frozen=True):
    """What an agent answers. `give` holds (slot, thousandths of energy)."""

    answers: tuple[float, ...]
    say: float | None = None
    give: tuple[tuple[int, int], ...] = ()
    rest: bool = False
    fitness: float | None = None
    mutated: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One resident's cycle: its energy at the end, absolute errors of persistence and its own."""

    id: str
    energy: int
    persistence_error: float = 0.0
    own_error: float = 0.0
    fitness: float | None = None
    answered: int = 0
    spoke: int = 0
    given: int = 0
    rested: int = 0


@dataclass(frozen=True, slots=True)
class Season:
    """A cycle of a world, settled. `lived` is the last tick that each resident has answered."""

    tick: int
    accounts: Mapping[str, Account] = field(default_factory=dict)
    lived: Mapping[str, int] = field(default_factory=dict)
