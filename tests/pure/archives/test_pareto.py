"""The archive `pareto`: dominance, crowding, and what counts as an improvement."""

import random

import numpy as np
from archive_support import entry
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.archives.pareto import Pareto, crowding
from evolve_ai.model.archive_settings import ParetoOptions

GOALS = st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=40)


def dominates(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


@given(GOALS)
def test_members_are_those_that_no_other_is_better_than(goals: list[tuple[int, ...]]) -> None:
    pareto = Pareto(ParetoOptions())
    for number, one in enumerate(goals):
        pareto.tell(entry(number, *map(float, one)))
    newest = {one: number for number, one in enumerate(goals)}
    front = {at for one, at in newest.items() if not any(dominates(it, one) for it in goals)}
    assert set(pareto.members()) == front


def test_crowding_is_that_of_nsga_ii() -> None:
    found = crowding(np.array([(0.0, 10.0), (1.0, 6.0), (4.0, 5.0), (10.0, 0.0)]))
    assert found.tolist() == [np.inf, 4 / 10 + 5 / 10, 9 / 10 + 6 / 10, np.inf]


def test_most_crowded_leaves_when_it_is_full() -> None:
    pareto = Pareto(ParetoOptions(size=3))
    for number, one in enumerate([(0.0, 10.0), (10.0, 0.0), (5.0, 5.0), (5.5, 4.6)]):
        placement = pareto.tell(entry(number, *one))
    assert set(pareto.members()) in ({0, 1, 2}, {0, 1, 3})
    assert not placement.improved


def test_to_take_a_crowded_place_is_no_improvement_but_a_new_extreme_is() -> None:
    pareto, rng = Pareto(ParetoOptions(size=8)), random.Random(2)
    pareto.tell(entry(0, 0.0, 1.0))
    pareto.tell(entry(1, 1.0, 0.0))
    improved = [
        pareto.tell(entry(number, at := rng.random(), 1.0 - at)).improved
        for number in range(2, 200)
    ]
    assert sum(improved) <= 12
    assert pareto.tell(entry(200, 2.0, -1.0)).improved
    assert pareto.tell(entry(201, 3.0, 3.0)).improved, "it is better than all"
    assert pareto.members() == (201,)


def test_equal_one_replaces_its_equal_and_improves_nothing() -> None:
    pareto = Pareto(ParetoOptions())
    pareto.tell(entry(0, 1.0, 2.0))
    placement = pareto.tell(entry(1, 1.0, 2.0))
    assert (placement.kept, placement.improved, pareto.members()) == (True, False, (1,))


def test_parents_are_rather_where_few_are() -> None:
    pareto = Pareto(ParetoOptions())
    lonely = (50.0, 50.0)
    crowd = [(90.0 + at / 10, 10.0 - at / 10) for at in range(20)]
    for number, one in enumerate([(0.0, 100.0), lonely, *crowd]):
        pareto.tell(entry(number, *one))
    drawn = [pareto.ask(99, random.Random(at)).parents[0] for at in range(400)]
    crowded = sum(5 <= number < 18 for number in drawn) / 13
    assert drawn.count(1) > 1.5 * crowded
