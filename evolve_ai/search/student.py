"""The quantiles of Student's t distribution, and of Wilcoxon's signed ranks."""

from functools import lru_cache
from math import exp, inf, lgamma, log, log1p, sqrt
from statistics import NormalDist

_STEPS = 200  # of a continued fraction, or of a bisection: more than any needs
_EXACT = 50  # pairs, up to which the distribution of signed ranks is counted out


@lru_cache(maxsize=1024)
def t_quantile(probability: float, degrees: int) -> float:
    """The number that so much of the distribution lies below, for 0.5 <= probability < 1."""
    if degrees < 1:
        return inf
    if degrees > 1_000_000:
        return NormalDist().inv_cdf(probability)
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > 1.0 - probability:
        low, high = high, high * 2.0
        if high > 1e30:
            return inf
    for _ in range(_STEPS):
        middle = (low + high) / 2.0
        if not low < middle < high:
            break
        if t_tail(middle, degrees) > 1.0 - probability:
            low = middle
        else:
            high = middle
    return high


def t_tail(t: float, degrees: int) -> float:
    """How much of the distribution lies above t >= 0 (Abramowitz and Stegun 26.7.1)."""
    return 0.5 * _beta(degrees / 2.0, 0.5, degrees / (degrees + t * t))


def _beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function (Numerical Recipes, 6.4)."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Its continued fraction, by the method of Lentz (1976)."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / _not_zero(1.0 - (a + b) * x / (a + 1.0), tiny)
    found = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _not_zero(1.0 + term * d, tiny)
            c = _not_zero(1.0 + term / c, tiny)
            found *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return found


def _not_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


@lru_cache(maxsize=256)
def signed_rank_cut(pairs: int, tail: float) -> int:
    """The largest k so that fewer than k of the signed rank sum has at most this probability:
    P(sum < k) <= tail; 0 where there is none (Wilcoxon 1945)."""
    if pairs > _EXACT:
        mean = pairs * (pairs + 1) / 4.0
        deviation = sqrt(mean * (2 * pairs + 1) / 6.0)
        return max(0, int(mean + 0.5 + NormalDist().inv_cdf(tail) * deviation))
    ways = [1] + [0] * (pairs * (pairs + 1) // 2)
    for rank in range(1, pairs + 1):
        for total in range(len(ways) - 1, rank - 1, -1):
            ways[total] += ways[total - rank]
    cut, below = 0, ways[0]
    while below <= tail * 2**pairs:
        cut += 1
        below += ways[cut]
    return cut
