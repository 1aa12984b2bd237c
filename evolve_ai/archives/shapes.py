"""The shapes of kept programs side by side, and the Jaccard distance of any shape from each."""

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

LARGEST = 4096  # hashes of a shape; of a larger one the smallest hashes, a fair sample
_COLUMNS = 256  # at first


class Shapes:
    """A table of which hash (row) is in the shape of which slot (column), for exact distances
    from all slots at the cost of adding up the rows of one shape."""

    def __init__(self, slots: int):
        self._slots = slots
        self._shapes: list[tuple[int, ...]] = [()] * slots
        self._sizes = np.zeros(slots, dtype=np.int64)
        self._rows: dict[int, int] = {}  # hash -> row
        self._free: list[int] = []
        self._table = np.zeros((_COLUMNS, slots), dtype=np.uint8)

    def put(self, slot: int, shape: Collection[int]) -> None:
        """Another shape for this slot."""
        self._clear(slot)
        new = sample(shape)
        rows = [self._row(one) for one in new]
        self._table[rows, slot] = 1
        self._shapes[slot] = new
        self._sizes[slot] = len(new)

    def distances(self, shape: Collection[int]) -> NDArray[np.float64]:
        """From each slot: 1 - |A and B| / |A or B|; of two empty shapes 0."""
        asked = sample(shape)
        rows = [self._rows[one] for one in asked if one in self._rows]
        common = self._table[rows].sum(axis=0, dtype=np.int64)
        union = self._sizes + len(asked) - common
        alike: NDArray[np.float64] = common / np.maximum(union, 1) + (union == 0)
        return 1.0 - alike

    def shape(self, slot: int) -> tuple[int, ...]:
        return self._shapes[slot]

    def _row(self, one: int) -> int:
        row = self._rows.get(one)
        if row is None:
            row = self._free.pop() if self._free else len(self._rows)
            if row == len(self._table):
                self._table = np.concatenate((self._table, np.zeros_like(self._table)))
            self._rows[one] = row
        return row

    def _clear(self, slot: int) -> None:
        old = self._shapes[slot]
        rows = np.array([self._rows[one] for one in old], dtype=np.int64)
        self._table[rows, slot] = 0
        for at in np.flatnonzero(~self._table[rows].any(axis=1)):
            self._free.append(self._rows.pop(old[at]))


def sample(shape: Iterable[int]) -> tuple[int, ...]:
    """In order; of a large one the smallest hashes."""
    return tuple(sorted(shape)[:LARGEST])
