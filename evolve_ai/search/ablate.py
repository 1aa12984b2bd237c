"""Ablates a winner: what each of its edits is worth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evolve_ai.model.candidate import Sources
from evolve_ai.model.hunks import Hunk, applied

# The score of each of these programs; None: it has none.
Scores = Callable[[Sequence[Sources]], Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Ablation:
    """`without` is the score of the program without this edit alone; None: it fails."""

    hunk: Hunk
    without: float | None


def ablated(before: Sources, kept: Sequence[Hunk], scores: Scores) -> tuple[Ablation, ...]:
    """One for each edit, in order; all trials are one batch."""
    programs = [applied(before, [*kept[:at], *kept[at + 1 :]]) for at in range(len(kept))]
    found = scores(programs) if programs else ()
    return tuple(Ablation(hunk, value) for hunk, value in zip(kept, found, strict=True))
