"""Which held-out values were told before: by what stands before them, not by where they stand."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.told import Told, packed, told_before

NOISE = random.Random(1)
SERIES = tuple(NOISE.gauss(0.0, 1.0) for _ in range(300))
WAVE = tuple(math.sin(at % 24) for at in range(300))
COINS = tuple(float(NOISE.random() < 0.5) for _ in range(2000))


def split(values: tuple[float, ...], held_out: int) -> Told:
    return Told(values[:-held_out], values[-held_out:], "x.csv")


def test_what_was_never_told_is_not_told() -> None:
    told = split(SERIES, 80)
    assert told_before(told, [packed(told.values)]) == ()
    assert told_before(told, []) == ()
    assert told_before(told, [packed(WAVE), packed(SERIES[:100])]) == ()


def test_smaller_held_out_stretch_of_one_night_is_found() -> None:
    """Values 220 to 249 were told; the last fifty of the eighty were not."""
    assert told_before(split(SERIES, 80), [packed(SERIES[:250])]) == tuple(range(30))
    assert told_before(split(SERIES, 50), [packed(SERIES[:250])]) == ()


@pytest.mark.parametrize("cut", [1, 40, 219])
def test_file_whose_first_rows_were_cut_off_is_the_same_series(cut: int) -> None:
    assert told_before(split(SERIES, 80), [packed(SERIES[cut:250])])[-1] == 29


def test_held_out_values_told_as_a_series_of_their_own_are_found() -> None:
    found = told_before(split(SERIES, 80), [packed(SERIES[-80:])])
    assert len(found) >= 70
    assert found[-1] == 79


def test_series_that_repeats_itself_is_no_secret_told() -> None:
    assert told_before(split(WAVE, 80), [packed(WAVE)]) == ()


def test_coins_are_told_apart_by_longer_windows() -> None:
    told = split(COINS, 200)
    assert told_before(told, [packed(told.values)]) == ()
    assert len(told_before(told, [packed(COINS)])) >= 190


@given(st.integers(20, 299), st.integers(1, 150))
def test_as_many_are_told_as_were_not_held_out(lived: int, held_out: int) -> None:
    told = split(SERIES, held_out)
    expected = max(0, lived - len(told.values))
    assert told_before(told, [packed(SERIES[:lived])]) == tuple(range(expected))
