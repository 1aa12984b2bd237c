"""What is told about a search; as JSON these are stable (docs/improve.md)."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CandidateReport:
    """`score` is the first goal as the evaluator tells it; `files` are paths with SHA-256.
    `operators`: those `tried_first`, which gave nothing, and the `operator` that made it."""

    id: str
    number: int
    score: float | None
    metrics: Mapping[str, float]
    files: Mapping[str, str]
    cause: str | None = None
    reason: str | None = None
    parents: tuple[int, ...] = ()
    generation: int = 0
    operators: tuple[str, ...] = ()
    features: Mapping[str, float] = field(default_factory=dict)
    placement: str = ""
    kept: bool = False
    improved: bool = False
    reused: int | None = None
    note: str = ""
    operator: str = ""
    tried_first: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatorReport:
    """Candidates that this operator made: all, those with a score of their own, and those better
    than all before them."""

    operator: str
    tried: int
    succeeded: int
    improved: int


@dataclass(frozen=True, slots=True)
class SearchReport:
    """`candidates` counts those proposed, without the initial program. `spend`: seconds of trials,
    by the wall clock and of processors. `stopped`: why the run ended; "" while it runs."""

    task: str
    goal: str
    maximize: bool
    initial: CandidateReport | None
    best: CandidateReport | None
    candidates: int
    trials: int
    failures: Mapping[str, int]
    spend: Mapping[str, float]
    stopped: str
    tainted: str | None
    paused: bool
    archive: str
    history_digest: str
    operators: tuple[OperatorReport, ...] = ()
    notes: tuple[str, ...] = ()
    sandbox: str = ""
    running: int | None = None  # the pid of the process that searches

    @property
    def all_failed(self) -> bool:
        """Has no candidate but the initial program a score?"""
        return 0 < self.candidates <= sum(self.failures.values())


@dataclass(frozen=True, slots=True)
class InitialReport:
    """The initial program as scored once; `correct` is false where it has no score."""

    score: float | None
    metrics: Mapping[str, float]
    correct: bool
    cause: str | None
    reason: str | None
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoiseReport:
    """Scores of the same program (A against A). `deviation` is their standard deviation;
    `smallest` the smallest difference of two single ones that means something, at 95 %."""

    scores: tuple[float, ...]
    deviation: float
    smallest: float
    deterministic: bool
    drifts: bool  # the later ones differ from the earlier ones


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds: of the trials of one candidate alone, and of so many candidates with these slots,
    compilers and what the search itself takes included."""

    seconds_each: float
    slots: int
    candidates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How a task is understood. `fixed` counts the files that may not change."""

    format: str
    task: str
    language: str
    files: tuple[str, ...]
    fixed: int
    goals: tuple[str, ...]
    initial: InitialReport
    noise: NoiseReport | None
    estimate: Estimate
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MeasuredReport:
    """Fresh measurements of a program: their mean with its 95 % interval; None without a score."""

    score: float | None
    low: float | None
    high: float | None
    repeats: int


@dataclass(frozen=True, slots=True)
class EditReport:
    """An edit that matters. `line` counts in the initial file; `without` is the score of the best
    program without this edit, None where it has none then."""

    path: str
    line: int
    old: str
    new: str
    without: float | None


@dataclass(frozen=True, slots=True)
class ExamReport:
    """Scores by the holdout evaluator, which the search never saw."""

    initial: float | None
    best: float | None


@dataclass(frozen=True, slots=True)
class BestReport:
    """The best program of a search, as examined. `files` are its contents in base64; `minified`:
    edits that did not matter were taken back."""

    number: int
    initial: MeasuredReport
    best: MeasuredReport
    files: Mapping[str, str]
    genome: Mapping[str, str]
    minified: bool
    edits: tuple[EditReport, ...]
    holdout: ExamReport | None
    trials: int

    def sources(self) -> dict[str, bytes]:
        return {path: b64decode(text) for path, text in self.files.items()}
