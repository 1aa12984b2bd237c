"""What passes between a world and its residents in a tick, and what a cycle leaves.

Values made anew for each agent in each tick are Structs, which take a quarter of the time of a
dataclass, and which garbage collection need not visit: they hold nothing that could form a cycle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

MAX_STEPS = 1_000_000  # of a percept: the most that `replay` of `series` may be
MAX_HEARD = 256  # neighbours of a percept
MAX_SCORES = 32  # of an account
MAX_EVIDENCE = 256  # numbers that a world may keep about a resident


@dataclass(frozen=True, slots=True)
class Resident:
    """An agent as its world sees it. Energy in thousandths.

    `load` is the size of its program relative to a mean founder's; `lived_tick` is the last tick in
    its memory, or -1; `evidence` is what the world itself kept about it a season before.
    """

    id: str
    place: int
    energy: int
    load: float
    lived_tick: int
    running: bool
    evidence: tuple[float, ...] = ()


class Percept(Struct, frozen=True, gc=False):
    """What an agent gets in a tick. `steps`: oldest first; `heard`: one per neighbour slot."""

    steps: tuple[float, ...]
    heard: tuple[float | None, ...]
    energy: int


class Act(Struct, frozen=True, gc=False, array_like=True):
    """What an agent answers. `give` has pairs (slot, thousandths of energy)."""

    answers: tuple[float, ...]
    say: float | None = None
    give: tuple[tuple[int, int], ...] = ()
    rest: bool = False
    fitness: float | None = None
    mutated: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The result of a cycle for one resident. Energy in thousandths.

    `scores` are the world's, by name; without the main one the fitness stays unchanged. The world
    gets `evidence` back with the resident in the next season.
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
    """The result of a cycle in a world. `lived` is the last tick that each resident has answered;
    `main` names the score that is an agent's fitness."""

    tick: int
    accounts: Mapping[str, Account] = field(default_factory=dict)
    lived: Mapping[str, int] = field(default_factory=dict)
    main: str = "fitness"
