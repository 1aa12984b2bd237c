"""The options of the built-in archives: the table `[archive]` of task.toml."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from evolve_ai.model.setting import Section, chance, setting

Names = Annotated[tuple[str, ...], Field(strict=False)]
Whole = Annotated[tuple[int, ...], Field(strict=False)]
Ranges = Annotated[
    tuple[Annotated[tuple[float, float], Field(strict=False)], ...], Field(strict=False)
]


def _growth() -> float:
    number: float = setting(
        1.25,
        "how many times as large as its smallest equal an equal one may be: against bloat",
        low=1.0,
        high=1e9,
        form="a number of at least 1",
    )
    return number


class TopOptions(Section):
    """The best so many; with one, the hill climb that accepts ties."""

    name: Literal["top"] = "top"
    size: int = setting(1, "how many of the best are kept", unit="candidates", low=1, high=100_000)
    ties: bool = setting(
        True, "does an equal one take the place of the last one?", form="true or false"
    )
    explore: float = chance(0.0, "a parent is drawn from all kept ones, else it is the best")
    growth: float = _growth()


class IslandsOptions(Section):
    """Lists of the best that evolve apart, and exchange some."""

    name: Literal["islands"] = "islands"
    islands: int = setting(4, "how many", unit="islands", low=1, high=1024)
    size: int = setting(16, "candidates kept on each", unit="candidates", low=1, high=10_000)
    topology: Literal["ring", "full", "random"] = setting(
        "ring", "to which island a migrant goes", form='"ring", "full" or "random"'
    )
    every: int = setting(
        50, "candidates of an island between two migrations", unit="candidates", low=1, high=10**9
    )
    rate: float = chance(0.1, "each kept candidate migrates then")
    growth: float = _growth()
    restart_every: int = setting(
        0,
        "candidates between restarts of the worst island; 0: only when the search stagnates",
        unit="candidates",
        low=0,
        high=10**9,
    )


class MapElitesOptions(Section):
    """The best of each cell of a grid of features (needs pyribs)."""

    name: Literal["map_elites"] = "map_elites"
    features: Names = setting(
        (), "one axis each; none: score.features, or `size`", form="a list of names"
    )
    cells: Whole = setting((), "cells of each axis; none: 10 each", form="a list of whole numbers")
    ranges: Ranges = setting(
        (),
        "lowest and highest value of each axis; none: as seen so far",
        form="a list of pairs of numbers",
    )


class CvtOptions(Section):
    """The best of each of a number of cells, for many features (needs pyribs)."""

    name: Literal["cvt"] = "cvt"
    features: Names = setting((), "as in map_elites", form="a list of names")
    cells: int = setting(64, "cells in all", unit="cells", low=2, high=100_000)
    ranges: Ranges = setting((), "as in map_elites", form="a list of pairs of numbers")


class NoveltyOptions(Section):
    """Programs that are unlike each other, and the best one."""

    name: Literal["novelty"] = "novelty"
    size: int = setting(64, "candidates kept", unit="candidates", low=2, high=1000)
    neighbours: int = setting(
        5, "nearest ones whose mean distance is novelty", unit="candidates", low=1, high=1000
    )
    weight: float = chance(0.5, "a parent is drawn by novelty, else by score")


class FunsearchOptions(Section):
    """Islands of clusters of programs that score alike on every seed."""

    name: Literal["funsearch"] = "funsearch"
    islands: int = setting(4, "how many", unit="islands", low=1, high=1024)
    temperature: float = setting(
        0.1, "of the choice among clusters; falls as they fill", low=1e-9, high=1e9, form="a number"
    )
    period: int = setting(
        1000,
        "candidates after which the temperature begins anew",
        unit="candidates",
        low=1,
        high=10**9,
    )
    clusters: int = setting(256, "clusters kept on an island", unit="clusters", low=2, high=10_000)
    size: int = setting(10, "programs kept in a cluster", unit="candidates", low=1, high=10_000)
    reset_every: int = setting(
        0,
        "candidates between resets of the worse half of the islands; 0: only when the search "
        "stagnates",
        unit="candidates",
        low=0,
        high=10**9,
    )


class ParetoOptions(Section):
    """For several goals: those that no other is better than."""

    name: Literal["pareto"] = "pareto"
    size: int = setting(64, "candidates kept at most", unit="candidates", low=2, high=1000)


# The names of archives and their options; the first is the default.
ARCHIVES: Mapping[str, type[Section]] = {
    "top": TopOptions,
    "islands": IslandsOptions,
    "map_elites": MapElitesOptions,
    "cvt": CvtOptions,
    "novelty": NoveltyOptions,
    "funsearch": FunsearchOptions,
    "pareto": ParetoOptions,
}
