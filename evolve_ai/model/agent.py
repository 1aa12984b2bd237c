"""The record of one agent, and the states that it can be in."""

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """All states of an agent; every state but DEAD counts as alive."""

    EMBRYO = "embryo"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    QUARANTINED = "quarantined"
    DEAD = "dead"


class Cause(StrEnum):
    """Why an agent was restarted, quarantined or has died."""

    CRASH = "crash"
    OOM = "oom"
    CPU = "cpu"
    HANG = "hang"
    PROTOCOL = "protocol"
    BUILD = "build"
    AUDIT = "audit"
    GENOME = "genome"
    SANDBOX = "sandbox"
    SIGNATURE = "signature"
    UNKNOWN = "unknown"  # it ended while nothing could observe how
    DONE = "done"
    NEVER_RESTART = "never-restart"
    PLANNED = "planned"
    STARVED = "starved"
    AGE = "age"
    TURNOVER = "turnover"
    SELECTED = "selected"
    KILLED = "killed"
    BUDGET = "budget"
    QUARANTINE = "quarantine"  # it was in quarantine for so long that it lost its place


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of one agent, as a value: its cause, and a sentence on which a person can act."""

    cause: Cause
    reason: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """Sizes of one agent's code: of all its gene files, and of the active part."""

    functions: int = 0
    active_genes: int = 0
    active_files: int = 0
    complexity: int = 0
    lines: int = 0


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One agent. Energy is in thousandths; age in cycles; ticks are those of its world.

    `fitness` is the main one of the `scores` from the world; `evidence` belongs to the world.

    `operators` acted at its birth; `mutations` counts those of its life, by operator.

    `quarantine_cycles` counts the cycles of its present quarantine.

    `failures`, `retry_at`, `started_at` are times on a line of model/restart.py.
    """

    id: str
    number: int
    place: int
    state: State
    generation: int
    parents: tuple[str, ...]
    born_cycle: int
    energy: int
    founder: bool = False
    age: int = 0
    fitness: float | None = None
    scores: tuple[tuple[str, float], ...] = ()
    evidence: tuple[float, ...] = ()
    genome_hash: str = ""
    fingerprint: str = ""
    active_genes: int = 0
    metrics: Metrics = field(default_factory=Metrics)
    operators: tuple[str, ...] = ()
    mutations: tuple[tuple[str, int], ...] = ()
    stamp: str = ""
    running_fingerprint: str = ""
    pid: int | None = None
    lived_tick: int = -1
    restarts: int = 0
    failures: tuple[float, ...] = ()
    consecutive_failures: int = 0
    refusals: int = 0
    retry_at: float | None = None
    started_at: float | None = None
    cause: str | None = None
    reason: str | None = None
    cpu_seconds: float = 0.0
    rss_bytes: int = 0
    died_cycle: int | None = None
    quarantine_cycles: int = 0

    @property
    def alive(self) -> bool:
        return self.state is not State.DEAD

    @property
    def is_set_aside(self) -> bool:
        """True in quarantine: it costs nothing, has no rank, and keeps its place for a while."""
        return self.state is State.QUARANTINED
