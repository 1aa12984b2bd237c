"""The archive `novelty`: distances, novelty by its definition, who leaves."""

import random

import pytest
from archive_support import entry, random_entries
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.archives.novelty import Novelty
from evolve_ai.archives.shapes import LARGEST, Shapes, sample
from evolve_ai.model.archive_settings import NoveltyOptions

SETS = st.frozensets(st.integers(-3, 12), max_size=10)


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    return 1.0 - len(one & other) / len(one | other) if one | other else 0.0


@given(st.lists(st.tuples(st.integers(0, 3), SETS), max_size=20), SETS)
def test_distances_are_those_of_jaccard(
    puts: list[tuple[int, frozenset[int]]], asked: frozenset[int]
) -> None:
    shapes, there = Shapes(4), [frozenset[int]()] * 4
    for slot, shape in puts:
        shapes.put(slot, shape)
        there[slot] = shape
    expected = [jaccard(asked, one) for one in there]
    assert shapes.distances(asked) == pytest.approx(expected)
    assert [one == asked for one in there] == [at == 0.0 for at in shapes.distances(asked)]


def test_table_of_shapes_does_not_grow_with_what_is_gone() -> None:
    shapes, rng = Shapes(5), random.Random(1)
    for at in range(2000):
        shapes.put(at % 5, rng.sample(range(10**9), 40))
    assert len(shapes._rows) == 5 * 40
    assert len(shapes._table) == 256


def test_of_a_large_shape_a_sample_is_kept() -> None:
    shapes = Shapes(2)
    shapes.put(0, frozenset(range(3 * LARGEST)))
    assert shapes.shape(0) == tuple(range(LARGEST)) == sample(range(3 * LARGEST))


def test_novelty_is_the_mean_distance_to_the_nearest_members() -> None:
    archive = Novelty(NoveltyOptions(size=6, neighbours=3))
    shapes = {}
    for one in random_entries(300, random.Random(3)):
        shapes[one.number] = one.shape
        archive.tell(one)
        kept = [member.number for member in archive._kept]
        for slot, number in enumerate(kept):
            others = sorted(jaccard(shapes[number], shapes[at]) for at in kept if at != number)[:3]
            assert not others or archive._novelty[slot] == pytest.approx(sum(others) / len(others))


def test_least_novel_one_leaves_but_never_the_best() -> None:
    archive = Novelty(NoveltyOptions(size=3, neighbours=1))
    near = [frozenset({1, 2, 3, 4}), frozenset({1, 2, 3, 5})]
    archive.tell(entry(0, 9.0, shape=near[0]))
    archive.tell(entry(1, 1.0, shape=near[1]))
    archive.tell(entry(2, 1.0, shape=frozenset({20, 21})))
    assert archive.tell(entry(3, 0.0, shape=frozenset({30, 31}))).kept
    assert set(archive.members()) == {0, 2, 3}
    crowded = frozenset({30, 32})
    assert not archive.tell(entry(4, -1.0, shape=crowded)).kept


def test_of_two_with_one_shape_the_better_stays_and_of_equal_ones_the_newer() -> None:
    archive = Novelty(NoveltyOptions())
    shape = frozenset({1, 2})
    archive.tell(entry(0, 2.0, shape=shape))
    assert not archive.tell(entry(1, 1.0, shape=shape)).kept
    assert archive.tell(entry(2, 2.0, shape=shape)).kept
    assert archive.members() == (2,)


def test_weight_chooses_between_novelty_and_score() -> None:
    drawn = {}
    for weight in (0.0, 1.0):
        archive = Novelty(NoveltyOptions(weight=weight, neighbours=1))
        for number in range(5):
            archive.tell(entry(number, float(number), shape=frozenset({1, 2, 3, 4, 10 + number})))
        archive.tell(entry(5, -1.0, shape=frozenset({90, 91})))
        found = [archive.ask(9, random.Random(at)).parents[0] for at in range(300)]
        drawn[weight] = max(set(found), key=found.count)
    assert drawn == {0.0: 4, 1.0: 5}
