"""Draws with weights that change between draws; each draw or change takes logarithmic time.

The source of the method: Fenwick 1994, A new data structure for cumulative frequency tables.
"""

import random
from collections.abc import Sequence


class WeightedDraws:
    """Positions 0 to n - 1, each with a weight (an integer, 0 or more). draw() gives the same
    result as `random.choices` over the positions of positive weight."""

    def __init__(self, weights: Sequence[int]):
        self._weights = list(weights)
        self._sums = [0, *weights]
        for at in range(1, len(self._sums)):
            parent = at + (at & -at)
            if parent < len(self._sums):
                self._sums[parent] += self._sums[at]
        self._top = 1 << max(0, len(weights).bit_length() - 1)
        self.total = sum(weights)

    def draw(self, rng: random.Random) -> int:
        """A position. Raises IndexError when all weights are 0."""
        if self.total <= 0:
            raise IndexError("nothing to draw from")
        return self._find(rng.random() * (self.total + 0.0))

    def change(self, position: int, weight: int) -> None:
        more, at = weight - self._weights[position], position + 1
        self._weights[position] = weight
        self.total += more
        while at < len(self._sums):
            self._sums[at] += more
            at += at & -at

    def _find(self, mark: float) -> int:
        """The first position at which the sum of weights exceeds the mark."""
        at, step, left = 0, self._top, mark
        while step:
            there = at + step
            if there < len(self._sums) and self._sums[there] <= left:
                at, left = there, left - self._sums[there]
            step >>= 1
        if at < len(self._weights):
            return at
        # Rounding can make the mark as large as the total.
        return max(n for n, weight in enumerate(self._weights) if weight)
