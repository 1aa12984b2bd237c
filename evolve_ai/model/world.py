"""What passes between a world and its residents in a tick, and what a cycle leaves.

What is made anew for each agent in each tick is a Struct: a quarter of the time of a dataclass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

MAX_STEPS = 1_000_000  # of a percept: what `replay` of `series` may promise
MAX_HEARD = 256  # neighbours of a percept
MAX_SCORES = 32  # of an account
MAX_EVIDENCE = 256  # numbers that a world may note of a resident


@dataclass(frozen=True, slots=True)
class Resident:
    """An agent as its world knows it. Energy in thousandths.

    `load` is the size of its program, as a part of a mean founder's; `lived_tick` is the last tick
    that its memory holds, or -1; `evidence` is what the world itself noted of it a season before.
    """

    id: str
    place: int
    energy: int
    load: float
    lived_tick: int
    running: bool
    evidence: tuple[float, ...] = ()


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
    """One resident's cycle, settled. Energy in thousandths.

    `scores` are what the world says of it, by name; without the main one its fitness stays as it
    was. `evidence` comes back with the resident in the next season.
    """

    id: str
    energy: int
    scores: Mapping[str, float] = field(default_factory=dict)
    evidence: tuple[float, ...] = ()
    answered: int = 0
    spoke: int = 0
    given: int = 0
    rested: int = 0


@dataclass(frozen=True, slots=True)
class Season:
    """A cycle of a world, settled. `lived` is the last tick that each resident has answered; `main`
    names the score that is an agent's fitness."""

    tick: int
    accounts: Mapping[str, Account] = field(default_factory=dict)
    lived: Mapping[str, int] = field(default_factory=dict)
    main: str = "fitness"
