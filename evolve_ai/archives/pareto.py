"""The archive `pareto`: for several goals, those that no other is better than."""

import random
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evolve_ai.archives.ranked import WHILE, Kept, best_first, others
from evolve_ai.model.archive_settings import ParetoOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry


class Point(NamedTuple):
    number: int
    goals: tuple[float, ...]


class Pareto:
    """Satisfies contracts.archive.Archive: the non-dominated entries; parents are drawn by
    crowding distance, and when it is full the most crowded one leaves (NSGA-II, Deb, Pratap,
    Agarwal and Meyarivan 2002), but never the best by the first goal. Of equal ones the newest
    stays. An entry improves it that is better than a member in all, is the best by a goal, or
    fills a place that was empty: to take a crowded one's place is no improvement, or a search
    could improve for ever."""

    name = "pareto"
    uses_shape = False

    def __init__(self, options: ParetoOptions, seed: int = 0):
        self._options = options
        self._points: list[Point] = []
        self._goals: NDArray[np.float64] = np.zeros((0, 1))  # those of the points
        self._crowding: NDArray[np.float64] = np.zeros(0)
        self._stirred = -1  # until this number, parents are drawn evenly

    def ask(self, number: int, rng: random.Random) -> Choice:
        first, second = self._drawn(number, rng), self._drawn(number, rng)
        parents = tuple(dict.fromkeys(self._points[at].number for at in (first, second)))
        rest = others(rng, range(len(self._points)), (first, second))
        return Choice(parents, tuple(self._points[at].number for at in rest))

    def _drawn(self, number: int, rng: random.Random) -> int:
        """The less crowded of two random ones."""
        one, other = (rng.randrange(len(self._points)) for _ in range(2))
        if number < self._stirred:
            return one
        return one if self._crowding[one] >= self._crowding[other] else other

    def tell(self, entry: Entry) -> Placement:
        goals = tuple(map(float, entry.goals))
        new = Point(entry.number, goals)
        if not self._points:
            self._set([new])
            return Placement(True, True, "the first")
        no_worse = (self._goals >= goals).all(axis=1)
        equal = (self._goals == goals).all(axis=1)
        if (no_worse & ~equal).any():
            return Placement(False)
        beaten = (self._goals <= goals).all(axis=1)
        extreme = bool((np.array(goals) > self._goals.max(axis=0)).any())
        stay = [self._points[at] for at in np.flatnonzero(~beaten)]
        self._set([*stay, new])
        full = len(self._points) > self._options.size
        kept = not full or self._drop() is not new
        improved = kept and not equal.any() and (bool(beaten.any()) or extreme or not full)
        where = f"one of {len(self._points)} that none is better than" if kept else ""
        return Placement(kept, improved, where)

    def _set(self, points: list[Point]) -> None:
        self._points = points
        self._goals = np.array([one.goals for one in points])
        self._crowding = crowding(self._goals)

    def _drop(self) -> Point:
        best = max(self._points, key=lambda one: one.goals[0])
        at = min(
            (at for at, one in enumerate(self._points) if one is not best),
            key=lambda at: (self._crowding[at], self._points[at].number),
        )
        gone = self._points[at]
        self._set(self._points[:at] + self._points[at + 1 :])
        return gone

    def members(self) -> tuple[int, ...]:
        return best_first(Kept(one.number, one.goals[0]) for one in self._points)

    def stir(self, number: int, rng: random.Random) -> str:
        self._stirred = number + WHILE
        return "parents are drawn evenly from all members for a while"

    def state(self) -> Mapping[str, Any]:
        points = [[one.number, list(one.goals)] for one in self._points]
        return {"points": points, "stirred": self._stirred}

    def restore(self, state: Mapping[str, Any]) -> None:
        points = [Point(number, tuple(goals)) for number, goals in state["points"]]
        if points:
            self._set(points)
        self._stirred = state["stirred"]


def crowding(goals: NDArray[np.float64]) -> NDArray[np.float64]:
    """The crowding distance of each row: the sum over goals of the distance between its
    neighbours, as part of the range; infinite at the ends."""
    found = np.zeros(len(goals))
    for column in goals.T:
        order = np.argsort(column, kind="stable")
        ranked = column[order] / 2  # so that the difference of two finite numbers is finite
        found[order[0]] = found[order[-1]] = np.inf
        width = ranked[-1] - ranked[0]
        if width > 0:
            found[order[1:-1]] += (ranked[2:] - ranked[:-2]) / width
    return found
