"""Archives of every kind, small ones among them, and entries to tell them."""

import json
import random
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from evolve_ai.contracts.archive import Archive
from evolve_ai.model.archive_settings import (
    ARCHIVES as OPTIONS,
)
from evolve_ai.model.archive_settings import (
    CvtOptions,
    FunsearchOptions,
    IslandsOptions,
    MapElitesOptions,
    NoveltyOptions,
    ParetoOptions,
    TopOptions,
)
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry
from evolve_ai.plugins import ARCHIVES

TWO = ("size", "complexity")
# what is told about it -> the name of an archive and its options; first those of the defaults.
KINDS: dict[str, tuple[str, Any]] = {
    **{name: (name, options()) for name, options in OPTIONS.items()},
    "top of 3": ("top", TopOptions(size=3, explore=0.5)),
    "top without ties": ("top", TopOptions(size=3, ties=False)),
    "small islands": ("islands", IslandsOptions(islands=3, size=2, every=3, rate=0.5)),
    "full islands": (
        "islands",
        IslandsOptions(islands=3, size=3, every=2, rate=1.0, topology="full", restart_every=7),
    ),
    "random islands": (
        "islands",
        IslandsOptions(islands=4, size=3, every=2, rate=0.5, topology="random"),
    ),
    "one island": ("islands", IslandsOptions(islands=1, size=3, every=2, restart_every=5)),
    "grid": ("map_elites", MapElitesOptions(features=TWO, cells=(3, 2))),
    "grid with ranges": (
        "map_elites",
        MapElitesOptions(features=TWO, cells=(4, 4), ranges=((0.0, 10.0), (0.0, 10.0))),
    ),
    "few centroids": ("cvt", CvtOptions(features=TWO, cells=4)),
    "novelty of 4": ("novelty", NoveltyOptions(size=4, neighbours=2)),
    "small clusters": (
        "funsearch",
        FunsearchOptions(islands=3, clusters=2, size=2, period=5, reset_every=9),
    ),
    "one island of clusters": ("funsearch", FunsearchOptions(islands=1, clusters=2, size=1)),
    "small front": ("pareto", ParetoOptions(size=3)),
}
MOST = {  # members, by the options of the small ones
    "top": 1 + 16 + 1,
    "top of 3": 3 + 16 + 1,
    "small islands": 6,
    "grid": 6,
    "few centroids": 4,
    "novelty of 4": 4,
    "small clusters": 12,
    "small front": 3,
}
SEED = 7


def archive(kind: str, seed: int = SEED) -> Archive:
    name, options = KINDS[kind]
    return ARCHIVES[name](options, seed)


def entry(number: int, *goals: float, **facts: Any) -> Entry:
    return Entry(number, goals or (0.0,), **facts)


@st.composite
def histories(draw: st.DrawFn, goals: int = 1, most: int = 40) -> list[Entry]:
    """Entries in order of number, some missing; many of them equal in something."""
    count = draw(st.integers(1, most))
    rng = random.Random(draw(st.integers(0, 10**9)))
    return random_entries(count, rng, goals)


def random_entries(count: int, rng: random.Random, goals: int = 1) -> list[Entry]:
    found, number = [], 0
    for _ in range(count):
        value = float(rng.randrange(6))
        found.append(
            Entry(
                number,
                (value, *(float(rng.randrange(6)) for _ in range(goals - 1))),
                {"size": float(rng.randrange(12)), "complexity": rng.random() * 12},
                frozenset(rng.sample(range(9), rng.randrange(7))),
                (value, float(rng.randrange(2))),
                (),
                rng.randrange(4),
            )
        )
        number += rng.choice((1, 1, 2))
    return found


def told(to: Archive, entries: Iterable[Entry]) -> list[tuple[Placement, Choice, tuple[int, ...]]]:
    """Tell, then ask, entry by entry, and stir now and then; all answers."""
    found = []
    for one in entries:
        placement = to.tell(one)
        if one.number % 11 == 10:
            to.stir(one.number, random.Random(one.number))
        choice = to.ask(one.number + 1, random.Random(one.number))
        found.append((placement, choice, to.members()))
    return found


def written(state: Any) -> Any:
    """As it is after a restart."""
    return json.loads(json.dumps(state, allow_nan=False))
