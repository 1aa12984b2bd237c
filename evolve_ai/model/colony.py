"""The values that go to a colony and come from it."""

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
    """Deadlines in seconds. CPU time is the agent's own, counted from when it is found late.

    Wall-clock time counts only while no agent of the colony answers.
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
    """An agent to start, and the content of its hello. An adopted agent has the `note` of its start
    (which must not contain blanks): an equal note means an equal start."""

    id: str
    folder: Path
    program: Program | None  # None: its process lives already, and only needs a greeting
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
    """The machine cannot start a process: `what` says what it lacks or forbids, `todo` what helps.
    `lasting`: waiting does not help."""

    what: str
    todo: str | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """The result of a tick. Faults may be of agents that were not asked, or that have answered.

    `ended` are the pids of the agents at fault.
    """

    acts: Mapping[str, Act]
    faults: Mapping[str, Fault]
    tainted: tuple[str, ...] = ()
    ended: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a stopped agent left: the memory that it gave, and what went wrong."""

    state: bytes | None
    reason: str | None = None
    unkillable: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """The farewells of agents that left, and the outcomes of those that were to run."""

    farewells: Mapping[str, Farewell]
    outcomes: Mapping[str, Started | Fault | Refused]
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adopted:
    """The agents that were taken over: the note of each, by id.

    `title` is that of the last order before. During that order agents left the memories `byes`, and
    the pids `left` were asked to leave; `lost` are the agents that ended in an unknown way.
    """

    notes: Mapping[str, str] = field(default_factory=dict)
    title: str = ""
    byes: Mapping[str, bytes | None] = field(default_factory=dict)
    left: frozenset[int] = frozenset()
    lost: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """Changes between two ticks: residents with new data, and agents whose failure was judged."""

    residents: tuple[Resident, ...] = ()
    judged: frozenset[str] = frozenset()


# Called before the first tick and after each one, with the last tick that each agent has answered
# and the failures that are not judged yet.
Between = Callable[[Mapping[str, int], Mapping[str, Fault]], Change]


def nothing(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
    """The `Between` of lockstep: nothing changes between the ticks of a season."""
    return Change()


@dataclass(frozen=True, slots=True)
class Turned:
    """The result of a season: its accounts, and failures that are not judged yet."""

    season: Season
    faults: Mapping[str, Fault]
    taints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A season to live: `ticks` ticks from `first_tick`, by these residents, in a world with so
    many `places`.

    `offers` has the gene pool for the agents that have not seen it yet.
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
