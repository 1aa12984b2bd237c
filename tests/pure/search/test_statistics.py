"""Statistics: against tables, against their definitions, and by how often they err."""

import random
from math import inf, isclose
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.search.statistics import (
    Verdict,
    bootstrap_interval,
    looks,
    mean_interval,
    noise,
    paired,
    paired_ratio,
    shift_interval,
    verdict,
)
from evolve_ai.search.student import signed_rank_cut, t_quantile, t_tail


@pytest.mark.parametrize(
    ("degrees", "probability", "known"),
    [  # printed tables
        (1, 0.975, 12.706205),
        (2, 0.975, 4.302653),
        (5, 0.995, 4.032143),
        (10, 0.95, 1.812461),
        (30, 0.9995, 3.645959),
        (1, 0.5, 0.0),
    ],
)
def test_quantiles_of_student_are_those_of_the_tables(
    degrees: int, probability: float, known: float
) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(known, abs=1e-6)


@given(st.floats(0.501, 0.9999), st.integers(1, 5000))
def test_quantile_and_tail_are_inverse(probability: float, degrees: int) -> None:
    assert isclose(t_tail(t_quantile(probability, degrees), degrees), 1 - probability, rel_tol=1e-7)


def test_many_degrees_are_nearly_normal() -> None:
    assert t_quantile(0.975, 10**7) == NormalDist().inv_cdf(0.975)
    assert t_quantile(0.975, 10**5) == pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-4)
    assert t_quantile(0.975, 0) == inf


def test_cuts_of_signed_ranks_are_those_of_the_tables() -> None:
    # Wilcoxon's critical values, two-sided 5 %: 6 -> 0, 7 -> 2, 8 -> 3, 10 -> 8, 20 -> 52; +1.
    assert [signed_rank_cut(n, 0.025) for n in (5, 6, 7, 8, 10, 20)] == [0, 1, 3, 4, 9, 53]
    assert abs(signed_rank_cut(51, 0.025) - 454) <= 2


def test_interval_of_a_mean_is_students() -> None:
    found = mean_interval([1.0, 2.0, 3.0, 4.0])
    assert (found.estimate, found.samples) == (2.5, 4)
    assert found.high - found.estimate == pytest.approx(3.182446 * 1.2909944 / 2, rel=1e-6)
    assert mean_interval([3.0]).high == inf
    assert mean_interval([3.0, 3.0]).low == 3.0


def test_shift_is_the_median_of_means_of_two_and_heeds_no_wild_pair() -> None:
    differences = [1.0, 1.1, 0.9, 1.2, 0.8, 1.05, 0.95, 1000.0]
    found = shift_interval(differences)
    assert found.estimate == pytest.approx(1.05, abs=0.05)
    assert 0.8 < found.low < 1.0
    assert not mean_interval(differences).excludes_zero
    assert found.excludes_zero
    assert shift_interval([1.0] * 5).low == -inf, "five pairs cannot tell"


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng, held = random.Random(3), {3: 0, 8: 0, 15: 0}
    for count in held:
        for _ in range(400):
            ours = [rng.gauss(5.0, 1.0) for _ in range(count)]
            theirs = [rng.gauss(4.0, 1.0) for _ in range(count)]
            found = paired(ours, theirs)
            held[count] += found.low <= 1.0 <= found.high
    assert all(0.92 <= one / 400 <= 0.99 for one in held.values()), held


def test_drift_of_the_machine_is_no_difference_of_pairs() -> None:
    rng = random.Random(4)
    drift = [10.0 + at / 2 for at in range(20)]
    ours = [one + rng.gauss(-0.2, 0.1) for one in drift]
    assert paired(ours, drift).high < 0.0
    assert not mean_interval([a - sum(drift) / 20 for a in ours]).excludes_zero


def test_ratio_of_pairs_is_about_one_where_nothing_differs() -> None:
    rng = random.Random(5)
    base = [rng.lognormvariate(0, 1) for _ in range(30)]
    half = [one * rng.lognormvariate(0, 0.05) / 2 for one in base]
    found = paired_ratio(half, base)
    assert 0.48 < found.low < 0.5 < found.high < 0.53
    with pytest.raises(ValueError, match="math domain"):
        paired_ratio([0.0], [1.0])


def test_bootstrap_is_the_same_for_the_same_draws_and_about_students() -> None:
    rng = random.Random(6)
    samples = [rng.gauss(0, 1) for _ in range(60)]
    first, second = (bootstrap_interval(samples, random.Random(1)) for _ in range(2))
    assert first == second
    assert first.low == pytest.approx(mean_interval(samples).low, abs=0.06)
    assert bootstrap_interval([1.0], rng).high == inf


def test_looks_end_with_the_most_and_are_few() -> None:
    assert looks(20) == (3, 5, 8, 12, 20)
    assert looks(2) == (2,)
    assert all(looks(most)[-1] == most and len(looks(most)) < 22 for most in range(2, 10_000, 97))


def judged(mean: float, rng: random.Random, most: int = 20) -> tuple[Verdict, int]:
    differences: list[float] = []
    while True:
        differences.append(rng.gauss(mean, 1.0))
        found = verdict(differences, most)
        if found is not None:
            return found, len(differences)


def test_looking_often_makes_no_difference_out_of_noise() -> None:
    rng = random.Random(7)
    wrong = sum(judged(0.0, rng)[0] is not Verdict.UNDECIDED for _ in range(400))
    assert wrong / 400 <= 0.06


def test_plain_difference_is_told_early_with_its_sign() -> None:
    rng = random.Random(8)
    found = [judged(6.0, rng) for _ in range(50)] + [judged(-6.0, rng) for _ in range(50)]
    assert [one for one, _ in found] == [Verdict.BETTER] * 50 + [Verdict.WORSE] * 50
    assert sum(count for _, count in found) / 100 < 5


def test_equal_measurements_are_undecided_at_the_first_look() -> None:
    assert verdict([0.0, 0.0], 20) is None
    assert verdict([0.0] * 3, 20) is Verdict.UNDECIDED
    assert verdict([-1.0] * 3, 20) is Verdict.WORSE


def test_noise_of_one_program_says_which_differences_mean_something() -> None:
    rng = random.Random(9)
    found = noise([rng.gauss(100.0, 2.0) for _ in range(200)])
    assert found.deviation == pytest.approx(2.0, rel=0.15)
    assert found.smallest == pytest.approx(2.0 * 2**0.5 * 1.97, rel=0.15)
    assert found.relative == pytest.approx(found.smallest / 100, rel=0.01)
    assert not found.drift.excludes_zero
    wrong = sum(
        abs(rng.gauss(100.0, 2.0) - rng.gauss(100.0, 2.0)) > found.smallest for _ in range(2000)
    )
    assert wrong / 2000 < 0.08


def test_measurements_that_never_differ_have_no_noise() -> None:
    found = noise([0.0, 0.0, 0.0, 0.0])
    assert (found.deviation, found.smallest, found.relative) == (0.0, 0.0, 0.0)


def test_measurements_that_become_slower_have_a_drift() -> None:
    assert noise([1.0, 1.01, 0.99, 1.0, 1.5, 1.51, 1.49, 1.5]).drift.low > 0.4
