"""Divides a pot of energy: by rank of error, or by the value of what was said."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from math import fsum


def by_rank(pot: int, errors: Mapping[str, float], exponent: float) -> dict[str, int]:
    """Divide `pot` by rank: the share of rank r of n is ((n - r + 1/2) / n) ** exponent.

    The smallest error has rank 1. Equal errors get the mean of their ranks, so that names do not
    matter. Remainders of the integer division are not paid out.
    """
    ranked = sorted(errors, key=errors.__getitem__)
    count = len(ranked)
    weights = list(_weights(count, exponent))
    for first, last in _ties([errors[agent] for agent in ranked]):
        weight = _weight((first + last) / 2 + 1, count, exponent)
        weights[first : last + 1] = [weight] * (last - first + 1)
    return _shares(pot, dict(zip(ranked, weights, strict=True)))


@lru_cache(maxsize=8)
def _weights(count: int, exponent: float) -> tuple[float, ...]:
    """The weights of the ranks 1 to `count`, which hardly change from tick to tick."""
    return tuple(_weight(rank, count, exponent) for rank in range(1, count + 1))


def _weight(rank: float, count: int, exponent: float) -> float:
    weight: float = ((count - rank + 0.5) / count) ** exponent
    return weight


def _ties(ordered: Sequence[float]) -> Iterator[tuple[int, int]]:
    """(first, last) index of each run of equal numbers."""
    last = -1
    for at in [at for at, (one, other) in enumerate(pairwise(ordered)) if one == other]:
        if at <= last:
            continue
        last = at + 1
        while last + 1 < len(ordered) and ordered[last + 1] == ordered[at]:
            last += 1
        yield at, last


def by_worth(pot: int, spoken: Mapping[str, float], median_error: float) -> dict[str, int]:
    """Divide `pot` among speakers by 1 / (1 + error of what was said / median error of all)."""
    median = max(median_error, 1e-9)
    return _shares(pot, {agent: 1 / (1 + error / median) for agent, error in spoken.items()})


def _shares(pot: int, weights: Mapping[str, float]) -> dict[str, int]:
    total = fsum(weights.values())  # exact, so that the order of answers does not matter
    if total <= 0:
        return dict.fromkeys(weights, 0)
    return {agent: int(pot * weight / total) for agent, weight in weights.items()}
