"""Compares a candidate with the champion by pairs of trials, made in turns.

The clock of a machine may run at another speed an hour later: so a candidate's score is the
champion's score on record, times how much better it was in the pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from statistics import fmean

from evolve_ai.model.trial import Score
from evolve_ai.search.statistics import Verdict, verdict

_ALONE = 3  # trials of a candidate that nobody is compared with


@dataclass(frozen=True, slots=True)
class Pairs:
    """First goals of candidate and champion, pair by pair; without a champion only ours."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    def verdict(self, most: int) -> Verdict | None:
        """Who is better, or None while that takes more pairs."""
        if not self.theirs:
            return Verdict.UNDECIDED if len(self.ours) >= min(_ALONE, most) else None
        return verdict([a - b for a, b in zip(self.ours, self.theirs, strict=True)], most)


def paired_score(score: Score, pairs: Sequence[Pairs], champion: Score, most: int) -> Score:
    """The score on the champion's scale. Where it is not clear that the candidate is better, it is
    at most as good: luck makes no champion."""
    ours = [value for one in pairs for value in one.ours]
    theirs = [value for one in pairs for value in one.theirs]
    if not theirs:
        return score
    mine, other = fmean(ours), fmean(theirs)
    if mine * other > 0 and champion.value * other > 0:
        value = champion.value * (mine / other)
    else:
        value = champion.value + mine - other
    better = all(one.verdict(most) is Verdict.BETTER for one in pairs)
    if not better and value > champion.value:
        value = champion.value
    return replace(score, goals=(value if isfinite(value) else mine, *score.goals[1:]))
