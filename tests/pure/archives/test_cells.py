"""What archives with cells do with features: axes that grow, centroids, drifting elites."""

import random
from typing import Any

import numpy as np
from archive_support import entry
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.archives.cells import Axes, Cells
from evolve_ai.archives.cvt import centroids


class Tens:
    """Stands for an archive of pyribs: ten cells of one axis."""

    def index_of_single(self, place: list[float]) -> int:
        return min(9, int(place[0] * 10))

    def index_of(self, places: list[list[float]]) -> np.ndarray:
        return np.array([self.index_of_single(place) for place in places])


def cells(*ranges: tuple[float, float]) -> Cells:
    return Cells("map_elites", Axes(("size",), ranges), Tens())


def tell(to: Cells, number: int, value: float, size: float) -> Any:
    return to.tell(entry(number, value, features={"size": size}))


NUMBERS = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=30)


@given(NUMBERS)
def test_axes_hold_all_that_was_seen(values: list[float]) -> None:
    axes = Axes(("size",), ())
    for value in values:
        axes.grow(axes.place(entry(0, features={"size": value})))
    (low, high), seen = axes.ranges[0], [max(-1e150, min(1e150, one)) for one in values]
    assert low <= min(seen) and high >= max(seen)
    assert all(0.0 <= axes.unit((one,))[0] <= 1.0 for one in seen)


def test_axis_grows_rarely() -> None:
    axes = Axes(("size",), ())
    grown = [axes.grow((float(number),)) for number in range(10_000)]
    assert sum(grown) < 45


def test_members_are_placed_anew_when_an_axis_grows_and_the_better_stays() -> None:
    to = cells()
    for number, size in enumerate((0.0, 1.0, 2.0)):
        tell(to, number, float(number == 1), size)
    assert set(to.members()) == {0, 1, 2}
    tell(to, 3, 0.0, 1000.0)
    assert set(to.members()) == {1, 3}


def test_given_ranges_do_not_grow_and_what_is_outside_belongs_to_the_border() -> None:
    to = cells((0.0, 10.0))
    tell(to, 0, 1.0, 9.5)
    assert not tell(to, 1, 0.0, 99.0).kept
    assert tell(to, 2, 0.0, -5.0).kept


def test_equal_one_replaces_an_elite_and_a_worse_one_does_not() -> None:
    to = cells((0.0, 10.0))
    tell(to, 0, 1.0, 5.0)
    assert tell(to, 1, 1.0, 5.1).kept
    assert not tell(to, 2, 0.9, 5.2).kept
    assert to.members() == (1,)


def test_unknown_feature_counts_as_the_lowest_value() -> None:
    to = cells((5.0, 10.0))
    assert to.tell(entry(0)).where == "cell 0"


def test_stirred_cells_draw_from_the_least_visited_for_a_while() -> None:
    to = cells((0.0, 10.0))
    tell(to, 0, 1.0, 1.0)
    for number in range(1, 30):
        tell(to, number, 1.0, 5.0)
    before = [to.ask(30, random.Random(at)).parents[0] for at in range(200)]
    assert 60 < before.count(0) < 140
    assert (
        to.stir(30, random.Random(1)) == "parents are from the least visited of 2 cells for a while"
    )
    after = [to.ask(129, random.Random(at)).parents[0] for at in range(200)]
    assert after.count(0) > 190
    ended = [to.ask(130, random.Random(at)).parents[0] for at in range(200)]
    assert ended == before


def test_centroids_depend_on_the_seed_only_and_lie_apart() -> None:
    found = centroids(64, 2, random.Random(3))
    assert found == centroids(64, 2, random.Random(3)) != centroids(64, 2, random.Random(4))
    assert all(0.0 <= one < 1.0 for point in found for one in point)
    quarters = [
        sum(1 for x, y in found if (x < 0.5, y < 0.5) == at)
        for at in ((True, True), (True, False), (False, True), (False, False))
    ]
    assert min(quarters) >= 14
    nearest = [min(abs(a - c) + abs(b - d) for c, d in found if (c, d) != (a, b)) for a, b in found]
    assert min(nearest) > 0.02
