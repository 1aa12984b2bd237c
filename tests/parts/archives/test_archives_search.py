"""Archives search: each solves what it is for, on problems made of bits."""

import statistics
import sys
from functools import cache

import pytest
from made_once import ROOT

from evolve_ai.plugins import ARCHIVES

sys.path.append(str(ROOT / "benchmarks"))

from search_toys import OPTIONS, PROBLEMS, search

ONEMAX, DECEPTIVE, TWO_PEAKS = PROBLEMS


@cache
def best(name: str, problem: int, seeds: int) -> float:
    """The median over seeds, as part of the best there is."""
    asked = PROBLEMS[problem]
    found = (search(ARCHIVES[name](OPTIONS[name], seed), asked, seed) for seed in range(seeds))
    return statistics.median(score for score, _ in found) / asked.bits


@pytest.mark.parametrize("name", ["top", "pareto", "funsearch"])
def test_a_simple_hill_is_climbed_to_its_top(name: str) -> None:
    assert best(name, 0, 5) == 1.0


@pytest.mark.parametrize(
    ("name", "seeds"), [("islands", 5), ("map_elites", 5), ("novelty", 7), ("funsearch", 5)]
)
def test_where_scores_mislead_others_beat_the_hill_climb(name: str, seeds: int) -> None:
    assert best(name, 1, seeds) > best("top", 1, seeds)


def test_islands_find_the_higher_of_two_peaks_more_often() -> None:
    assert best("islands", 2, 21) == 1.0 > best("top", 2, 21)
