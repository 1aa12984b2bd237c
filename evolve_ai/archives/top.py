"""The archive `top`: the best so many; with one, the hill climb that accepts ties."""

import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from evolve_ai.archives.ranked import Kept, Ranked, best_first, kept_of, other_kept
from evolve_ai.model.archive_settings import TopOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry

_EARLIER = 16  # former bests that are remembered, for a second climb


class Top:
    """Satisfies contracts.archive.Archive.

    A search that stagnates begins a second climb from a former best, with half of the parents,
    until it is as good as the first or the next one begins (iterated local search, Lourenço,
    Martin and Stützle 2003). Its candidates are known by the number of the climb, as an island.
    """

    name = "top"
    uses_shape = False

    def __init__(self, options: TopOptions, seed: int = 0):
        self._options = options
        self._top = Ranked(options.size, options.ties, (), options.growth)
        self._earlier: deque[Kept] = deque(maxlen=_EARLIER)
        self._climbs = 0
        self._second: Kept | None = None  # where the second climb is

    def ask(self, number: int, rng: random.Random) -> Choice:
        first, island = self._top.best, 0
        if self._second is not None and rng.random() < 0.5:
            first, island = self._second, self._climbs
        elif self._options.explore and rng.random() < self._options.explore:
            first = rng.choice(self._top.kept)
        rest = other_kept(rng, self._top.kept, (first.number,))
        return Choice((first.number, *rest[:1]), rest[1:], island)

    def tell(self, entry: Entry) -> Placement:
        new, before = kept_of(entry), self._top.kept[:1]
        rank = self._top.add(new)
        improved = not before or new.value > before[0].value
        if improved:
            self._earlier.extend(before)
        climbing = self._climb(entry, new)
        if rank is not None:
            return Placement(True, improved, f"rank {rank + 1} of {len(self._top)}")
        return Placement(climbing, False, "the second climb" if climbing else "")

    def _climb(self, entry: Entry, new: Kept) -> bool:
        """Does it go on with the second climb?"""
        second = self._second
        if second is None:
            return False
        ours = entry.island == self._climbs and new.value >= second.value
        if ours and new.value == second.value:
            ours = new.may_follow(second, self._options.growth)
            new = new.after(second)
        if ours:
            self._second = second = new
        if second.value >= self._top.best.value:
            self._second = None
        return ours

    def members(self) -> tuple[int, ...]:
        second = () if self._second is None else (self._second,)
        top = [one.number for one in self._top.kept]
        return tuple(dict.fromkeys((*top, *best_first((*self._earlier, *second)))))

    def stir(self, number: int, rng: random.Random) -> str:
        best = self._top.best.value
        places = [one for one in (*self._earlier, *self._top.kept[1:]) if one.value < best]
        if not places:
            return ""
        self._second = rng.choice(places)
        self._climbs += 1
        return f"a second climb begins from candidate {self._second.number}"

    def state(self) -> Mapping[str, Any]:
        return {
            "top": self._top.state(),
            "earlier": [list(one) for one in self._earlier],
            "climbs": self._climbs,
            "second": None if self._second is None else list(self._second),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        options = self._options
        self._top = Ranked(options.size, options.ties, state["top"], options.growth)
        self._earlier = deque((Kept(*one) for one in state["earlier"]), maxlen=_EARLIER)
        self._climbs = state["climbs"]
        self._second = None if state["second"] is None else Kept(*state["second"])
