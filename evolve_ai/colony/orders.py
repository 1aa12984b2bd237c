"""Owns what a colony is told, and what it tells: values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.model.agent import Fault
from evolve_ai.model.report import Program
from evolve_ai.model.world import Act
from evolve_ai.system.identity import Identity

Pool = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Limits:
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
    is adopted later."""

    id: str
    folder: Path
    program: Program
    seed: int
    genome: bytes
    state: bytes | None
    pool: Pool
    tick: int
    note: str = "-"


@dataclass(frozen=True, slots=True)
class Started:
    identity: Identity


@dataclass(frozen=True, slots=True)
class Refused:
    """The machine has no room for another process: what is short, and what helps."""

    what: str
    todo: str | None = None


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

    `byes` are memories that agents have left before, and `left` the pids of those that were asked
    to leave, by whoever had the colony before us.
    """

    notes: Mapping[str, str] = field(default_factory=dict)
    byes: Mapping[str, bytes | None] = field(default_factory=dict)
    left: frozenset[int] = frozenset()
