"""Archives search: each solves what it is for; over more seeds: tests/deep/archives."""

import pytest
from archive_searches import DECEPTIVE, ONEMAX, best


@pytest.mark.parametrize("name", ["top", "pareto", "funsearch"])
def test_a_simple_hill_is_climbed_to_its_top(name: str) -> None:
    assert best(name, ONEMAX, 3) == 1.0


@pytest.mark.parametrize("name", ["islands", "map_elites", "funsearch"])
def test_where_scores_mislead_others_beat_the_hill_climb(name: str) -> None:
    assert best(name, DECEPTIVE, 3) > best("top", DECEPTIVE, 3)
