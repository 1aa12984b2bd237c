"""The archive `novelty`: keeps programs that are unlike each other, and the best one."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evolve_ai.archives.ranked import WHILE, Kept, best_first, kept_of, others
from evolve_ai.archives.shapes import Shapes
from evolve_ai.model.archive_settings import NoveltyOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry

_NOVEL, _GOOD = 4, 32  # random members, of which the most novel, or the best, becomes a parent


class Novelty:
    """Satisfies contracts.archive.Archive. Novelty is the mean distance to the k nearest members
    (Lehman and Stanley 2011), by the Jaccard distance of shapes. When it is full, the least novel
    one leaves, but never the best. Of two with the same shape the better one stays, of equal ones
    the newer."""

    name = "novelty"
    uses_shape = True

    def __init__(self, options: NoveltyOptions, seed: int = 0):
        self._options = options
        self._stirred = -1  # until this number, parents are drawn by novelty only
        self._clear()

    def _clear(self) -> None:
        slots = self._options.size + 1  # one more than are kept, for the newest
        self._kept: list[Kept] = []  # by slot
        self._shapes = Shapes(slots)
        self._distances = np.full((slots, slots), np.inf)
        self._novelty = np.zeros(slots)
        self._farthest = np.full(slots, np.inf)  # the distance of the k-th nearest

    def ask(self, number: int, rng: random.Random) -> Choice:
        first = self._drawn(number, rng)
        second = self._drawn(number, rng)
        parents = tuple(dict.fromkeys(self._kept[slot].number for slot in (first, second)))
        rest = others(rng, range(len(self._kept)), (first, second))
        return Choice(parents, tuple(self._kept[slot].number for slot in rest))

    def _drawn(self, number: int, rng: random.Random) -> int:
        novel = rng.random() < self._options.weight or number < self._stirred
        few = [rng.randrange(len(self._kept)) for _ in range(_NOVEL if novel else _GOOD)]
        if novel:
            return max(few, key=lambda slot: self._novelty[slot])
        return max(few, key=lambda slot: self._kept[slot].value)

    def tell(self, entry: Entry) -> Placement:
        new = kept_of(entry)
        improved = not self._kept or new.value > max(one.value for one in self._kept)
        count = len(self._kept)
        distances = self._shapes.distances(entry.shape)[:count]
        twin = int(np.argmin(distances)) if count else 0
        if count and distances[twin] == 0.0:
            if new.value < self._kept[twin].value:
                return Placement(False)
            self._kept[twin] = new
            return Placement(True, improved, _where(self._novelty[twin]))
        self._add(new, distances)
        novelty = self._novelty[count]
        slot = count if count < self._options.size else self._drop()
        if slot is None:
            return Placement(False)
        self._shapes.put(slot, entry.shape)
        return Placement(True, improved, _where(novelty))

    def _add(self, new: Kept, distances: NDArray[np.float64]) -> None:
        """Into the last slot, at these distances from the others."""
        slot = len(self._kept)
        self._kept.append(new)
        self._distances[slot, :slot] = self._distances[:slot, slot] = distances
        nearer = distances < self._farthest[:slot]
        few = slot <= self._options.neighbours
        self._measure([*(range(slot) if few else np.flatnonzero(nearer)), slot])

    def _measure(self, slots: list[int]) -> None:
        """Novelty of these, afresh. Sums are in order of distance, to be the same each time."""
        count = len(self._kept)
        nearest = min(self._options.neighbours, count - 1)
        if nearest > 0 and slots:
            near = np.partition(self._distances[slots, :count], nearest - 1, axis=1)[:, :nearest]
            near.sort(axis=1)
            self._novelty[slots] = near.mean(axis=1)
            self._farthest[slots] = near[:, -1]

    def _drop(self) -> int | None:
        """The least novel one leaves, the worst of equal ones, the oldest of these. The newest
        gets its slot, which is returned; None: it was the newest."""
        best = max(self._kept, key=lambda one: (one.value, one.number))
        leaving = min(
            (slot for slot, one in enumerate(self._kept) if one is not best),
            key=lambda slot: (self._novelty[slot], *self._kept[slot][::-1]),
        )
        last = len(self._kept) - 1
        lost = self._distances[:last, leaving] <= self._farthest[:last]
        if leaving != last:
            self._kept[leaving] = self._kept[last]
            row = self._distances[last].copy()
            row[leaving] = np.inf
            self._distances[leaving] = self._distances[:, leaving] = row
            lost[leaving] = True
        self._kept.pop()
        self._distances[last] = self._distances[:, last] = np.inf
        self._measure(np.flatnonzero(lost).tolist())
        return None if leaving == last else leaving

    def members(self) -> tuple[int, ...]:
        return best_first(self._kept)

    def stir(self, number: int, rng: random.Random) -> str:
        self._stirred = number + WHILE
        return "parents are drawn by novelty only for a while"

    def state(self) -> Mapping[str, Any]:
        kept = [[*one, list(self._shapes.shape(slot))] for slot, one in enumerate(self._kept)]
        return {"kept": kept, "stirred": self._stirred}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._clear()
        for *one, shape in state["kept"]:
            slot = len(self._kept)
            self._add(Kept(*one), self._shapes.distances(shape)[:slot])
            self._shapes.put(slot, shape)
        self._stirred = state["stirred"]


def _where(novelty: float) -> str:
    return f"novelty {novelty:.3f}"
