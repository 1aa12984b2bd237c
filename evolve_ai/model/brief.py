"""What a proposer is given, and what it proposes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evolve_ai.model.candidate import Sources
from evolve_ai.model.trial import Score


@dataclass(frozen=True, slots=True)
class Choice:
    """An archive's answer, by numbers of candidates: parents (the first is changed), and others
    worth a look. `island` is told again with the child."""

    parents: tuple[int, ...]
    inspirations: tuple[int, ...] = ()
    island: int = 0


@dataclass(frozen=True, slots=True)
class Relative:
    """A parent or an inspiration, with its sources."""

    number: int
    sources: Sources
    score: Score
    artifacts: Mapping[str, str] = field(default_factory=dict)


def nothing_known(changed: Sources) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Brief:
    """The order to propose candidate `number`. `step` is how large steps should be: 1.0, more in
    a search that stagnates. `goal` is one sentence on what is better.

    `is_known(changed)`: is the first parent, with these files changed, a candidate already? Who
    draws may ask before it takes pains. Of those in threads, nobody is told.
    """

    number: int
    parents: tuple[Relative, ...]
    inspirations: Sequence[Relative] = ()
    step: float = 1.0
    goal: str = ""
    is_known: Callable[[Sources], bool] = nothing_known


@dataclass(frozen=True, slots=True)
class Proposal:
    """New content of files; a file that is not named stays as in the first parent.

    `operator` gets the credit, `parents` are those whose material was used.
    """

    sources: Sources
    operator: str
    parents: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """What an archive made of a candidate. `improved`: the best that it knows became better;
    `kept`: it may become a parent; `where`: an island, a cell, in words."""

    kept: bool
    improved: bool = False
    where: str = ""
