"""Tells differences from noise: intervals, paired comparisons, the noise of a measurement.

All functions are pure. Samples are scores or costs in any unit, and answers are in the same unit.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, log, sqrt
from statistics import fmean, median, stdev

from evolve_ai.search.student import signed_rank_cut, t_quantile

CONFIDENCE = 0.95
FEWEST_RANKS = 6  # pairs; with fewer, signed ranks can exclude nothing at 95 %
MOST_RANKS = 100  # pairs, up to which all means of two are looked at


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and the interval that holds the true value with the confidence asked for.
    Without an end (infinite) where there are too few samples."""

    estimate: float
    low: float
    high: float
    samples: int
    method: str

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0


def mean_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean, by Student's t (1908): for samples that are about normal, or many."""
    mean = fmean(samples)
    if len(samples) < 2:
        return Interval(mean, -inf, inf, len(samples), "t")
    error = stdev(samples) / sqrt(len(samples))
    reach = error * t_quantile((1.0 + confidence) / 2.0, len(samples) - 1) if error else 0.0
    return Interval(mean, mean - reach, mean + reach, len(samples), "t")


def bootstrap_interval(
    samples: Sequence[float],
    rng: random.Random,
    statistic: Callable[[Sequence[float]], float] = fmean,
    confidence: float = CONFIDENCE,
    draws: int = 1000,
) -> Interval:
    """Any statistic, by the percentile bootstrap (Efron 1979); too narrow below ten samples."""
    estimate = statistic(samples)
    if len(samples) < 2:
        return Interval(estimate, -inf, inf, len(samples), "bootstrap")
    drawn = sorted(statistic(rng.choices(samples, k=len(samples))) for _ in range(draws))
    cut = int((1.0 - confidence) / 2.0 * draws)
    return Interval(estimate, drawn[cut], drawn[-1 - cut], len(samples), "bootstrap")


def shift_interval(differences: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The typical difference of pairs: the median of all means of two of them (Hodges and Lehmann
    1963), with the interval that Wilcoxon's signed ranks give. Supposes that differences lie evenly
    about their middle, not that they are normal: one wild pair changes little.

    For up to 100 pairs. Fewer than 6 cannot exclude anything at 95 %: they give no ends.
    """
    means = sorted(
        differences[one] / 2 + differences[other] / 2
        for one in range(len(differences))
        for other in range(one, len(differences))
    )
    cut = signed_rank_cut(len(differences), (1.0 - confidence) / 2.0)
    low, high = (means[cut - 1], means[-cut]) if cut else (-inf, inf)
    return Interval(median(means), low, high, len(differences), "signed ranks")


def paired(
    ours: Sequence[float], theirs: Sequence[float], confidence: float = CONFIDENCE
) -> Interval:
    """By how much ours are larger, where each pair was measured one beside the other.

    Signed ranks from 6 to 100 pairs, as costs have wild values; else Student's t.
    """
    return _typical([a - b for a, b in zip(ours, theirs, strict=True)], confidence)


def paired_ratio(
    ours: Sequence[float], theirs: Sequence[float], confidence: float = CONFIDENCE
) -> Interval:
    """Ours divided by theirs, for positive numbers such as costs: as `paired`, of logarithms.
    1.0 is no difference. ValueError for numbers that are not positive."""
    pairs = zip(ours, theirs, strict=True)
    found = _typical([log(a) - log(b) for a, b in pairs], confidence)
    low, high = _exp(found.low), _exp(found.high)
    return Interval(_exp(found.estimate), low, high, found.samples, found.method)


def _typical(differences: Sequence[float], confidence: float) -> Interval:
    if FEWEST_RANKS <= len(differences) <= MOST_RANKS:
        found = shift_interval(differences, confidence)
        if found.low > -inf:
            return found
    return mean_interval(differences, confidence)


def _exp(value: float) -> float:
    return inf if value > 709.0 else exp(value)


class Verdict(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


def looks(most: int) -> tuple[int, ...]:
    """After how many pairs a comparison of at most so many is judged: 3, then half as many again
    each time. Fewer looks leave more confidence to each."""
    found = [min(3, most)]
    while found[-1] < most:
        more = found[-1] + (found[-1] + 1) // 2
        found.append(more if more < 0.8 * most else most)
    return tuple(found)


def verdict(
    differences: Sequence[float], most: int, confidence: float = CONFIDENCE
) -> Verdict | None:
    """Has the difference cleared the noise? `differences` of pairs so far, more is better.

    None: go on measuring. Each of the `looks` may err with its part of what is allowed in all
    (Bonferroni), so that looking often does not make a difference out of noise. Student's t.
    Measurements that never differ at all are undecided at the first look.
    """
    count, planned = len(differences), looks(most)
    if count not in planned:
        return None if count < most else Verdict.UNDECIDED
    if not any(differences):
        return Verdict.UNDECIDED
    found = mean_interval(differences, 1.0 - (1.0 - confidence) / len(planned))
    if found.excludes_zero:
        return Verdict.BETTER if found.low > 0.0 else Verdict.WORSE
    return Verdict.UNDECIDED if count >= most else None


@dataclass(frozen=True, slots=True)
class Noise:
    """How much the measurement of one program varies: A against A.

    `deviation`: standard deviation of one measurement. `smallest`: the smallest difference of two
    single measurements that means something, at 95 %. `relative`: that, as part of the mean's
    size; infinite about a mean of 0. `drift`: the second half of the measurements minus the first,
    with its interval; one that excludes 0 says that something changes with time.
    """

    mean: float
    deviation: float
    smallest: float
    relative: float
    drift: Interval


def noise(samples: Sequence[float]) -> Noise:
    """Of repeated measurements of one program, in the order of time; at least two."""
    mean, deviation = fmean(samples), stdev(samples)
    reach = t_quantile((1.0 + CONFIDENCE) / 2.0, len(samples) - 1)
    smallest = deviation * sqrt(2.0) * reach if deviation else 0.0
    relative = smallest / abs(mean) if mean else (inf if smallest else 0.0)
    return Noise(mean, deviation, smallest, relative, _drift(samples))


def _drift(samples: Sequence[float]) -> Interval:
    """Welch's interval (1947) with the smaller half's degrees of freedom, on the safe side."""
    half = len(samples) // 2
    first, second = samples[:half], samples[-half:]
    estimate = fmean(second) - fmean(first)
    if half < 2:
        return Interval(estimate, -inf, inf, len(samples), "t")
    error = sqrt((stdev(first) ** 2 + stdev(second) ** 2) / half)
    reach = error * t_quantile((1.0 + CONFIDENCE) / 2.0, half - 1) if error else 0.0
    return Interval(estimate, estimate - reach, estimate + reach, len(samples), "t")
