"""The result of one evaluation of a candidate: a score, or a fault with its cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Cause(StrEnum):
    """Why a candidate has no score. A failure of the machine is none of these: see `Undecided`."""

    TIMEOUT = "timeout"  # a limit in seconds: in total, in silence, of processor time
    CRASH = "crash"
    OOM = "oom"
    OUTPUT = "output"  # it printed, or wrote to disk, more than it may
    PROCESSES = "processes"
    NOT_A_NUMBER = "not-a-number"
    NO_RESULT = "no-result"
    INCORRECT = "incorrect"
    THRESHOLD = "threshold"  # a stage's score did not reach what the next stage asks for
    BUILD = "build"
    SYNTAX = "syntax"
    EDIT = "edit"  # a proposal that does not fit, or changes what may not change
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure of one candidate, as a value: its cause, and a sentence on which a person can act.

    `artifacts` are texts for whoever proposes the next one: compiler errors, failing tests.
    """

    cause: Cause
    reason: str
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undecided:
    """The machine or the backend failed, not the candidate: to be tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Score:
    """What a trial measured. `goals` are turned so that more is better, the first one decides
    where one number must; all numbers are finite. Proposers never see `private` metrics."""

    goals: tuple[float, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    private: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return self.goals[0]


Judgement = Score | Fault | Undecided
