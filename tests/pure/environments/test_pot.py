"""Tests of dividing a pot."""

from math import fsum
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.environments import pot

errors = st.dictionaries(st.text("abcdef", max_size=3), st.floats(0, 1e15), max_size=12)
pots = st.integers(0, 10**9)


@given(pots, errors, st.floats(0, 10))
def test_shares_by_rank_fall_with_the_error_and_fit_the_pot(
    whole: int, found: dict[str, float], exponent: float
) -> None:
    shares = pot.by_rank(whole, found, exponent)
    assert set(shares) == set(found)
    assert whole - len(found) <= sum(shares.values()) <= whole or not found
    for one in found:
        for other in found:
            assert found[one] > found[other] or shares[one] >= shares[other]


@given(pots, errors, st.floats(0, 1e15))
def test_shares_by_worth_fall_with_the_error_and_fit_the_pot(
    whole: int, spoken: dict[str, float], median: float
) -> None:
    shares = pot.by_worth(whole, spoken, median)
    assert sum(shares.values()) <= whole
    assert all(share >= 0 for share in shares.values())


@given(pots, errors, st.randoms())
def test_order_does_not_matter(whole: int, found: dict[str, float], chance: Random) -> None:
    items = list(found.items())
    chance.shuffle(items)
    assert pot.by_rank(whole, found, 2.0) == pot.by_rank(whole, dict(items), 2.0)
    assert pot.by_worth(whole, found, 1.0) == pot.by_worth(whole, dict(items), 1.0)


def test_exponent_zero_pays_all_alike() -> None:
    assert pot.by_rank(300, {"a": 0.0, "b": 1.0, "c": 9.0}, 0.0) == {"a": 100, "b": 100, "c": 100}


@given(pots, st.dictionaries(st.text("abcdef", max_size=3), st.integers(0, 4), max_size=20))
def test_equal_errors_get_the_mean_of_their_ranks(whole: int, found: dict[str, float]) -> None:
    ordered = sorted(found.values())
    count, exponent = len(ordered), 2.5
    weights = {}
    for agent, error in found.items():
        ranks = [at + 1 for at, other in enumerate(ordered) if other == error]
        weights[agent] = ((count - sum(ranks) / len(ranks) + 0.5) / count) ** exponent
    total = fsum(weights.values())
    shares = {agent: int(whole * weight / total) for agent, weight in weights.items()}
    assert pot.by_rank(whole, found, exponent) == shares
