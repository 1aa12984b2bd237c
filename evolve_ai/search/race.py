"""Ends a comparison by pairs as soon as it is clear that the candidate cannot win it.

All functions are pure. Differences are those of pairs, more is better; `repeats` are measurements
of the champion alone (A against A), in the order in which they were made, on the same scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean, median, variance

from evolve_ai.search.statistics import CONFIDENCE, Verdict, looks, verdict
from evolve_ai.search.student import t_quantile

FEWEST = 5  # differences of A against A, below which nothing is ended early
_FAR = 2.0  # times the largest of them: what one pair alone must be worse by


@dataclass(frozen=True, slots=True)
class Spread:
    """How much two measurements of the same program differ. `largest`: the most seen; `usual`: the
    deviation without wild ones (by the median, as for normal noise)."""

    deviation: float
    usual: float
    largest: float
    samples: int

    @staticmethod
    def of(*repeats: Sequence[float]) -> "Spread | None":
        """By successive differences in each of these series (von Neumann 1941), which a slow drift
        changes little; None: too few."""
        found = [later - one for series in repeats for one, later in pairwise(series)]
        if len(found) < FEWEST:
            return None
        sizes = [abs(one) for one in found]
        deviation = sqrt(fmean(one * one for one in found))
        return Spread(deviation, min(deviation, median(sizes) / 0.6745), max(sizes), len(found))


def raced(differences: Sequence[float], most: int, spread: Spread | None) -> Verdict | None:
    """As `statistics.verdict`, and at any pair that the candidate is worse, or will not be found
    better by the most pairs there are.

    Only `verdict` says that one is better. That a candidate at least as good as the champion is
    called worse has at most 2.5 % (normal noise): the test after pair n, Student's, may err with
    1 / (n (n + 1)) of that. Without a spread there are only the looks of `verdict`.
    """
    found = verdict(differences, most)
    if found is not None or spread is None or not differences:
        return found
    count, mean = len(differences), fmean(differences)
    if count == 1 and not spread.largest:  # measurements do not vary
        return _exact(mean)
    error, degrees = _error(differences, spread)
    wrong = (1.0 - CONFIDENCE) / 2.0 / (count * (count + 1))
    is_far = count > 1 or mean < -_FAR * spread.largest  # one wild trial ends nothing
    if is_far and mean + t_quantile(1.0 - wrong, degrees) * error < 0.0:
        return Verdict.WORSE
    best = mean + t_quantile(CONFIDENCE, degrees) * error  # that these pairs allow
    return Verdict.UNDECIDED if count > 1 and _is_futile(best, spread, most) else None


def _exact(difference: float) -> Verdict | None:
    if difference > 0.0:
        return None
    return Verdict.WORSE if difference < 0.0 else Verdict.UNDECIDED


def _error(differences: Sequence[float], spread: Spread) -> tuple[float, int]:
    """The standard error of the mean, with its degrees of freedom: by A against A, and more where
    these pairs vary more. Successive differences count two thirds, as two share a measurement."""
    count, known = len(differences), max(1, 2 * spread.samples // 3)
    own = variance(differences) * (count - 1) if count > 1 else 0.0
    pooled = (known * spread.deviation**2 + own) / (known + count - 1)
    return sqrt(max(pooled, spread.deviation**2) / count), known + count - 1


def _is_futile(best: float, spread: Spread, most: int) -> bool:
    """Would so many pairs without wild ones not show a candidate that is as good as `best`?
    (Stochastic curtailment: Lan, Simon and Halperin 1982.)"""
    each = (1.0 - CONFIDENCE) / 2.0 / len(looks(most))
    return best < t_quantile(1.0 - each, most - 1) * spread.usual / sqrt(most)
