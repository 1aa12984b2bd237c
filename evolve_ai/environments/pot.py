"""Divides a pot of energy: by rank of error, or by the value of what was said."""

from collections.abc import Mapping
from math import fsum


def by_rank(pot: int, errors: Mapping[str, float], exponent: float) -> dict[str, int]:
    """Divide `pot` by rank: the share of rank r of n is ((n - r + 1/2) / n) ** exponent.

    The smallest error has rank 1. Equal errors get the mean of their ranks, so that names do not
    matter. Remainders of the integer division are not paid out.
    """
    ranked = sorted(errors.items(), key=lambda item: item[1])
    count = len(ranked)
    weights: dict[str, float] = {}
    at = 0
    while at < count:
        last = at
        while last + 1 < count and ranked[last + 1][1] == ranked[at][1]:
            last += 1
        rank = (at + last) / 2 + 1
        weight = ((count - rank + 0.5) / count) ** exponent
        for agent, _ in ranked[at : last + 1]:
            weights[agent] = weight
        at = last + 1
    return _shares(pot, weights)


def by_worth(pot: int, spoken: Mapping[str, float], median_error: float) -> dict[str, int]:
    """Divide `pot` among speakers by 1 / (1 + error of what was said / median error of all)."""
    median = max(median_error, 1e-9)
    return _shares(pot, {agent: 1 / (1 + error / median) for agent, error in spoken.items()})


def _shares(pot: int, weights: Mapping[str, float]) -> dict[str, int]:
    total = fsum(weights.values())  # exact, so that the order of answers does not matter
    if total <= 0:
        return dict.fromkeys(weights, 0)
    return {agent: int(pot * weight / total) for agent, weight in weights.items()}
