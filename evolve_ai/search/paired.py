"""Compares a candidate with the champion by pairs of trials, made in turns.

The clock of a machine may run at another speed an hour later: so a candidate's score is the
champion's score on record, times how much better it was in the pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, log
from statistics import fmean

from evolve_ai.model.trial import Score
from evolve_ai.search.race import Spread, raced
from evolve_ai.search.statistics import Verdict

_ALONE = 6  # trials of a candidate that nobody is compared with: their noise is needed later


@dataclass(frozen=True, slots=True)
class Pairs:
    """First goals of candidate and champion, round by round, each the mean over seeds; without a
    champion only ours. `known`: of the champion in earlier comparisons."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    known: tuple[float, ...] = ()

    def verdict(self, most: int) -> Verdict | None:
        """Who is better, or None while that takes more rounds."""
        if not self.theirs:
            return Verdict.UNDECIDED if len(self.ours) >= min(_ALONE, most) else None
        ours, theirs, known = map(self._scaled, (self.ours, self.theirs, self.known))
        differences = [a - b for a, b in zip(ours, theirs, strict=True)]
        return raced(differences, most, Spread.of(known, theirs))

    def _scaled(self, values: Sequence[float]) -> list[float]:
        """Noise of costs grows with them, so they are compared by their logarithms; scores that
        are 0 or change their sign as they are. More is better."""
        sign = 1.0 if self.theirs[0] > 0 else -1.0
        if all(sign * one > 0 for one in (*self.ours, *self.theirs, *self.known)):
            return [sign * log(sign * one) for one in values]
        return list(values)


def paired_score(score: Score, pairs: Pairs, champion: Score, most: int) -> Score:
    """The score on the champion's scale. Where it is not clear that the candidate is better, it is
    at most as good: luck makes no champion."""
    if not pairs.theirs:
        return score
    mine, other = fmean(pairs.ours), fmean(pairs.theirs)
    if mine * other > 0 and champion.value * other > 0:
        value = champion.value * (mine / other)
    else:
        value = champion.value + mine - other
    if value > champion.value and pairs.verdict(most) is not Verdict.BETTER:
        value = champion.value
    return replace(score, goals=(value if isfinite(value) else mine, *score.goals[1:]))
