"""What `map_elites` and `cvt` share: the best entry of each cell of a space of features."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from evolve_ai.archives.ranked import WHILE, Kept, best_first, others
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry
from evolve_ai.model.errors import SettingsError

SIZE = ("size",)  # the features where none are chosen
MOST_CELLS = 1_000_000
_LARGEST = 1e150  # differences of such numbers are finite
_MARGIN = 0.25  # of the width of an axis, when it grows


class Elite(NamedTuple):
    """The best of a cell; `place` has its features as they were told."""

    number: int
    value: float
    place: tuple[float, ...]


class Axes:
    """Turns features into places between 0 and 1. Without given ranges these are the values seen
    so far, and grow by a margin, so that they do so rarely."""

    def __init__(self, features: Sequence[str], ranges: Sequence[Sequence[float]]):
        if ranges and len(ranges) != len(features):
            raise SettingsError(
                f"[archive] ranges has {len(ranges)} pairs for {len(features)} features",
                todo="write one pair for each feature, or none",
            )
        for feature, (low, high) in zip(features, ranges, strict=False):
            if not low < high:
                raise SettingsError(f"[archive] the range of {feature}, {low:g} to {high:g}")
        self.features = tuple(features)
        self._fixed = bool(ranges)
        self.ranges = [(float(low), float(high)) for low, high in ranges]

    def place(self, entry: Entry) -> tuple[float, ...]:
        """A feature that is not known of an entry counts as the lowest value of its axis."""
        lows = [low for low, _ in self.ranges] or [0.0] * len(self.features)
        found = (
            entry.features.get(name, low) for name, low in zip(self.features, lows, strict=True)
        )
        return tuple(max(-_LARGEST, min(_LARGEST, float(one))) for one in found)

    def grow(self, place: Sequence[float]) -> bool:
        """Make room for this place; has any axis changed?"""
        if self._fixed:
            return False
        before = self.ranges or [(one, one) for one in place]
        self.ranges = [
            _grown(low, high, one) for (low, high), one in zip(before, place, strict=True)
        ]
        return self.ranges != before

    def unit(self, place: Sequence[float]) -> list[float]:
        return [
            max(0.0, min(1.0, (one - low) / (high - low))) if high > low else 0.0
            for one, (low, high) in zip(place, self.ranges, strict=True)
        ]


def _grown(low: float, high: float, value: float) -> tuple[float, float]:
    if value > high:
        return low, value + _MARGIN * (value - low) if high > low else value
    if value < low:
        return value - _MARGIN * (high - value) if high > low else value, high
    return low, high


class Cells:
    """Satisfies contracts.archive.Archive: MAP-Elites (Mouret and Clune 2015). `places` is an
    archive of pyribs over the unit cube: it says which cell a place is in. An equal one replaces
    the elite of a cell, so that programs can drift."""

    uses_shape = False

    def __init__(self, name: str, axes: Axes, places: Any):
        self.name = name
        self._axes = axes
        self._places = places
        self._elites: dict[int, Elite] = {}
        self._cells: list[int] = []  # those with an elite, to draw from
        self._visits: dict[int, int] = {}  # entries told there
        self._best: float | None = None
        self._stirred = -1  # until this number, parents are from cells that few have visited

    def ask(self, number: int, rng: random.Random) -> Choice:
        drawn = [rng.choice(self._cells) for _ in range(8 if number < self._stirred else 2)]
        if number < self._stirred:
            drawn.sort(key=lambda cell: self._visits[cell])
        parents = tuple(dict.fromkeys(self._elites[cell].number for cell in drawn[:2]))
        rest = [self._elites[cell].number for cell in others(rng, self._cells, drawn[:2])]
        return Choice(parents, tuple(rest))

    def tell(self, entry: Entry) -> Placement:
        place = self._axes.place(entry)
        if self._axes.grow(place):
            self._place_anew()
        new = Elite(entry.number, float(entry.goals[0]), place)
        improved = self._best is None or new.value > self._best
        self._best = new.value if self._best is None else max(new.value, self._best)
        cell = self._cell(place)
        kept = self._settle(cell, new, 1)
        return Placement(kept, improved, f"cell {cell}" if kept else "")

    def _cell(self, place: Sequence[float]) -> int:
        return int(self._places.index_of_single(self._axes.unit(place)))

    def _settle(self, cell: int, new: Elite, visits: int) -> bool:
        self._visits[cell] = self._visits.get(cell, 0) + visits
        elite = self._elites.get(cell)
        if elite is None:
            self._cells.append(cell)
        elif new.value < elite.value:
            return False
        self._elites[cell] = new
        return True

    def _place_anew(self) -> None:
        """Put the elites into the cells of axes that have grown, in order of number."""
        before = sorted((self._elites[cell], self._visits[cell]) for cell in self._cells)
        self._elites, self._visits, self._cells = {}, {}, []
        if before:
            found = self._places.index_of([self._axes.unit(elite.place) for elite, _ in before])
            for cell, (elite, visits) in zip(found.tolist(), before, strict=True):
                self._settle(cell, elite, visits)

    def members(self) -> tuple[int, ...]:
        return best_first(Kept(one.number, one.value) for one in self._elites.values())

    def stir(self, number: int, rng: random.Random) -> str:
        self._stirred = number + WHILE
        return f"parents are from the least visited of {len(self._cells)} cells for a while"

    def state(self) -> Mapping[str, Any]:
        elites = ((cell, self._elites[cell]) for cell in self._cells)
        return {
            "ranges": [list(one) for one in self._axes.ranges],
            "elites": [
                [cell, self._visits[cell], one.number, one.value, list(one.place)]
                for cell, one in elites
            ],
            "best": self._best,
            "stirred": self._stirred,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._axes.ranges = [(low, high) for low, high in state["ranges"]]
        self._elites, self._visits, self._cells = {}, {}, []
        for cell, visits, number, value, place in state["elites"]:
            self._settle(cell, Elite(number, value, tuple(place)), visits)
        self._best = state["best"]
        self._stirred = state["stirred"]
