"""The archive `cvt`: the best of each of a number of cells that are spread over many features."""

import random
from collections.abc import Iterator
from itertools import count, islice

from evolve_ai.archives.cells import SIZE, Axes, Cells
from evolve_ai.archives.pyribs import ribs_archives
from evolve_ai.model.archive_settings import CvtOptions
from evolve_ai.model.draws import Draws


def cvt(options: CvtOptions, seed: int = 0) -> Cells:
    """CVT-MAP-Elites (Vassiliades, Chatzilygeroudis and Mouret 2018): a cell is what is nearest to
    its centroid. SettingsError for ranges that do not suit the features; ToolchainError without
    pyribs."""
    features = options.features or SIZE
    axes = Axes(features, options.ranges)
    places = ribs_archives("cvt").CVTArchive(
        solution_dim=1,
        centroids=centroids(options.cells, len(features), Draws(seed).rng("centroids")),
        ranges=[(0.0, 1.0)] * len(features),
        seed=seed % 2**32,
    )
    return Cells("cvt", axes, places)


def centroids(cells: int, axes: int, rng: random.Random) -> list[list[float]]:
    """Points spread over the unit cube: a Halton sequence, shifted at random (Cranley and
    Patterson 1976). For MAP-Elites such sequences do as well as k-means (Mouret 2023, "Fast
    generation of centroids for MAP-Elites"), and they are the same on every machine."""
    bases = list(islice(_primes(), axes))
    shifts = [rng.random() for _ in bases]
    return [
        [(_inverse(at, base) + shift) % 1.0 for base, shift in zip(bases, shifts, strict=True)]
        for at in range(1, cells + 1)
    ]


def _primes() -> Iterator[int]:
    found: list[int] = []
    for number in count(2):
        if all(number % prime for prime in found):
            found.append(number)
            yield number


def _inverse(number: int, base: int) -> float:
    """The digits of a number to this base, mirrored at the point (van der Corput 1935)."""
    value, unit = 0.0, 1.0 / base
    while number:
        number, digit = divmod(number, base)
        value += digit * unit
        unit /= base
    return value
