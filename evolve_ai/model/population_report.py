"""What `evolve status` and `evolve agents` report, with --json as it stands here.

Plain dataclasses: both commands answer at once, and come up without pydantic. What they print is
held against these types by the tests.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PopulationCounts:
    """`alive` = all but dead; `born` counts no founders."""

    alive: int
    running: int
    quarantined: int
    dead: int
    born: int
    founders: int


@dataclass(frozen=True, slots=True)
class GenerationNumbers:
    max: int
    mean: float


@dataclass(frozen=True, slots=True)
class FitnessNumbers:
    """Rolling S of the living (0..1, persistence = .5), and the founders' when last seen."""

    best: float | None
    mean: float | None
    founders_best: float | None
    founders_mean: float | None


@dataclass(frozen=True, slots=True)
class BuildNumbers:
    """requested = compiled (its batch was made for it) + reused (no compiler needed) + failed."""

    requested: int
    compiled: int
    reused: int
    failed: int


@dataclass(frozen=True, slots=True)
class BudgetNumbers:
    """What the agents use of the machine, and may use: bytes, or a count."""

    used: int
    allowed: int
    parts: dict[str, int]  # what uses it, where that is known
    remedy: str | None  # what helps, where it is nearly full


@dataclass(frozen=True, slots=True)
class Status:
    """`evolve status --json`.

    `life_cycle` is the pid of the life-cycle that holds the project (null, and
    `life_cycle_elsewhere`, where that is in another pid namespace); `paused`: time stands still
    until evolve resume, and agents live on; `tainted`: why this history cannot be repeated, or
    null; `deaths` so far, by cause; `budgets` by resource, memory and disk in bytes; `sandbox` is
    that of the last life-cycle, and begins with its level; `inputs_changed`: when settings, data,
    template or version last changed between two runs, and how, or null.
    """

    project: str
    life_cycle: int | None
    life_cycle_elsewhere: bool
    cycle: int
    tick: int
    mode: str
    paused: bool
    tainted: str | None
    population: PopulationCounts
    places: int
    generation: GenerationNumbers
    fitness: FitnessNumbers
    builds: BuildNumbers
    restarts: int
    deaths: dict[str, int]
    budgets: dict[str, BudgetNumbers]
    inputs_changed: str | None
    sandbox: str
    history_digest: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent in `evolve agents --json`. Energy in thousandths, age in cycles.

    `quarantine_cycles`: how long it has been in quarantine.
    """

    id: str
    state: str
    pid: int | None
    generation: int
    parents: list[str]
    place: int
    energy: int
    fitness: float | None
    age: int
    active_genes: int
    fingerprint: str
    restarts: int
    cause: str | None
    quarantine_cycles: int
    cpu_seconds: float
    rss_bytes: int

    @property
    def is_set_aside(self) -> bool:
        """In quarantine, it has no part in what the others live by."""
        return self.state == "quarantined"
