"""CMA-ES over the constants of one program, told in any order and number.

Hansen, "The CMA Evolution Strategy: A Tutorial" (2016), by the package `cma`. Points that it has
not made itself are injected (Hansen, "Injecting External Solutions Into CMA-ES", 2011).
"""

import sys
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from math import log
from random import Random
from typing import Any

SIGMA = 0.3  # of a first step, as a share of a constant
LEAST_WHOLE = 2.0  # whole numbers are taken to be at least so large: a step shall change them
MOST = 300  # generations until it begins anew around the parent
REMEMBERED = 40_000  # numbers, likewise: they are all told again when a search goes on
SMALLEST = 1e-7  # a step below which it begins anew

Point = tuple[float, ...]


def _strategies() -> Any:
    """The package `cma`, which looks for two others that only its plots and its models of a
    fitness use: they are kept from it, since they take 2 s and 90 MB."""
    hidden = [name for name in ("matplotlib", "scipy") if name not in sys.modules]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are no plots
        sys.modules |= dict.fromkeys(hidden)  # type: ignore[arg-type]
        try:
            return import_module("cma")
        finally:
            for name in hidden:
                del sys.modules[name]


def scale_of(values: Sequence[float], whole: Sequence[bool]) -> Point:
    """What counts as a step of 1 for each constant."""
    return tuple(
        max(abs(value), LEAST_WHOLE) if is_whole else abs(value) or 1.0
        for value, is_whole in zip(values, whole, strict=True)
    )


def population(dimensions: int) -> int:
    """Points of a generation: 4 + 3 ln N, the default of the tutorial."""
    return 4 + int(3 * log(max(dimensions, 2)))


def first_point(values: Sequence[float], whole: Sequence[bool], step: float, rng: Random) -> Point:
    """A point near a parent of which nothing has been learnt yet."""
    size = SIGMA * step
    return tuple(
        value + size * unit * rng.gauss(0.0, 1.0)
        for value, unit in zip(values, scale_of(values, whole), strict=True)
    )


class Adaptation:
    """What has been told of programs that differ only in their constants.

    The first generation consists of points near parents; its best one is where CMA-ES begins.
    """

    def __init__(self, whole: Sequence[bool]):
        self._whole = tuple(whole)
        self._size = population(len(self._whole))
        self._most = self._size * min(MOST, 1 + REMEMBERED // (self._size * len(self._whole)))
        self._told: list[tuple[Point, float | None]] = []  # since it began
        self._strategy: _Strategy | None = None

    @property
    def has_begun(self) -> bool:
        return self._strategy is not None

    def draw(self, step: float, rng: Random) -> Point:
        assert self._strategy is not None, "see has_begun"
        return self._strategy.draw(step, rng)

    def tell(self, point: Point, value: float | None) -> None:
        """More is better; None: it failed."""
        self._told.append((point, value))
        if len(self._told) % self._size:
            return
        generation = self._told[-self._size :]
        if self._strategy is None:
            if all(value is None for _, value in generation):
                self._told.clear()
                return
            best = max(generation, key=lambda one: (one[1] is not None, one[1] or 0.0))[0]
            self._strategy = _Strategy(best, scale_of(best, self._whole), self._size)
        self._strategy.tell(generation)
        if len(self._told) >= self._most or self._strategy.step < SMALLEST:
            self._told.clear()
            self._strategy = None

    def state(self) -> Mapping[str, Any]:
        return {
            "whole": [int(one) for one in self._whole],
            "points": [list(point) for point, _ in self._told],
            "values": [value for _, value in self._told],
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> "Adaptation":
        """By telling it all again."""
        made = cls([bool(one) for one in state["whole"]])
        for point, value in zip(state["points"], state["values"], strict=True):
            made.tell(tuple(point), value)
        return made


class _Strategy:
    """The strategy of `cma`, in units of the scale. Draws are the caller's."""

    def __init__(self, best: Point, scale: Point, size: int):
        numpy = import_module("numpy")
        cma = _strategies()
        self._scale = scale + (1.0,) * (2 - len(scale))  # it needs two dimensions
        start = [value / unit for value, unit in zip(self._padded(best), self._scale, strict=True)]
        options = {
            "verbose": -9,
            "popsize": size,
            "seed": numpy.nan,  # the generator of numpy itself is nobody's
            "randn": lambda *shape: numpy.zeros(shape),
        }
        self._cma = cma.CMAEvolutionStrategy(start, SIGMA, options)
        self._dimensions = len(best)
        self._learnt()

    @property
    def step(self) -> float:
        return float(self._cma.sigma)

    def _padded(self, point: Point) -> Point:
        return point + (0.0,) * (2 - len(point))

    def tell(self, generation: Sequence[tuple[Point, float | None]]) -> None:
        """By rank: only order counts, and a failure is the last."""
        numpy = import_module("numpy")
        order = sorted({value for _, value in generation if value is not None}, reverse=True)
        rank = {value: float(at) for at, value in enumerate(order)}
        worst = float(len(order))
        points = [
            numpy.array(self._padded(point)) / numpy.array(self._scale) for point, _ in generation
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._cma.ask()
            self._cma.tell(
                points, [worst if value is None else rank[value] for _, value in generation]
            )
        self._learnt()

    def _learnt(self) -> None:
        """Mean and axes as plain numbers: a draw shall change nothing in the strategy."""
        numpy = import_module("numpy")
        rows = [self._cma.sm.transform(row) for row in numpy.eye(len(self._scale))]
        axes = numpy.array(rows) * self._cma.sigma * numpy.asarray(self._cma.sigma_vec.scaling)
        self._mean = [float(one) for one in self._cma.mean]
        self._axes = [[float(one) for one in row] for row in axes]

    def draw(self, step: float, rng: Random) -> Point:
        found = list(self._mean)
        for row in self._axes:
            size = step * rng.gauss(0.0, 1.0)
            found = [one + size * part for one, part in zip(found, row, strict=True)]
        point = tuple(one * unit for one, unit in zip(found, self._scale, strict=True))
        return point[: self._dimensions]
