"""What a colony is told, and what it tells: values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.model.agent import Fault
from evolve_ai.model.report import Program
from evolve_ai.model.world import Act, Resident, Season

Pool = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Patience, in seconds. CPU is the agent's own, counted from when it is found late.

    The wall clock runs only while nobody in the colony answers.
    """

    cpu: float = 1.0
    wall: float = 10.0
    ready_cpu: float = 5.0
    ready_wall: float = 30.0
    late: float = 0.25
    stop: float = 5.0
    kill: float = 2.0


@dataclass(frozen=True, slots=True)
class Start:
    """An agent to start, and what its hello says. `note`, without blanks, comes back with whoever
    is adopted later; the same note means the same start."""

    id: str
    folder: Path
    program: Program | None  # None: it lives already, and is only to be greeted
    seed: int
    genome: bytes
    state: bytes | None
    pool: Pool
    tick: int
    place: int = 0
    note: str = "-"


@dataclass(frozen=True, slots=True)
class Started:
    pid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The machine does not let a process be started: what it refuses or is short of, and what
    helps. `lasting`: no waiting mends it."""

    what: str
    todo: str | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a tick brought. A fault may be of an agent that was not asked, or that answered.

    `ended` are the pids of those at fault.
    """

    acts: Mapping[str, Act]
    faults: Mapping[str, Fault]
    tainted: tuple[str, ...] = ()
    ended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a stopped agent went: the state it left, and what was not as it should be."""

    state: bytes | None
    reason: str | None = None
    unkillable: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """How those that were to leave have gone, and what became of those that were to run."""

    farewells: Mapping[str, Farewell]
    outcomes: Mapping[str, Started | Fault | Refused]
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """Who was taken over: the note of each, by id.

    What whoever had the colony before us did last goes by `title`. `byes` are memories that agents
    left then, `left` the pids of those that were asked to leave; `lost` are the agents of whom
    nobody knows how they ended.
    """

    notes: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    byes: Mapping[str, bytes | None] = field(default_factory=dict)
    left: frozenset[int] = frozenset()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of agents between two ticks: whom to settle anew, whose failure is judged."""

    residents: tuple[Resident, ...] = ()
    judged: frozenset[str] = frozenset()


# Called before the first tick and after each one, with the last tick that each agent has answered,
# and with the failures that nobody has judged yet.
Between = Callable[[Mapping[str, int], Mapping[str, Fault]], Change]


def nothing(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
    """What happens between the ticks of a season in lockstep."""
    return Change()


@dataclass(frozen=True, slots=True)
class Turned:
    """What a season left behind: the accounts, and failures that nobody has judged."""

    season: Season
    faults: Mapping[str, Fault]
    taints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A season to be lived: `ticks` from `first_tick` on, by these residents, in a world of so many
    `places`.

    `offers` is the gene pool, for whom it is news.
    """

    cycle: int
    first_tick: int
    ticks: int
    places: int
    residents: Sequence[Resident]
    offers: Mapping[str, Pool] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"season {self.cycle}"
