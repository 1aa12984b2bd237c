"""Archives search: each solves what it is for, over as many seeds as show it."""

import pytest
from archive_searches import DECEPTIVE, ONEMAX, TWO_PEAKS, best


@pytest.mark.parametrize("name", ["top", "pareto", "funsearch"])
def test_a_simple_hill_is_climbed_to_its_top(name: str) -> None:
    assert best(name, ONEMAX, 5) == 1.0


@pytest.mark.parametrize(
    ("name", "seeds"), [("islands", 5), ("map_elites", 5), ("novelty", 7), ("funsearch", 5)]
)
def test_where_scores_mislead_others_beat_the_hill_climb(name: str, seeds: int) -> None:
    assert best(name, DECEPTIVE, seeds) > best("top", DECEPTIVE, seeds)


def test_islands_find_the_higher_of_two_peaks_more_often() -> None:
    assert best("islands", TWO_PEAKS, 21) == 1.0 > best("top", TWO_PEAKS, 21)
