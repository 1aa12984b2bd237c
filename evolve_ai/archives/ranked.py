"""Lists of the best entries, and draws from them: what most archives are made of."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from evolve_ai.model.candidate import Entry

INSPIRATIONS = 3  # the most that a choice names
GROWTH = 1.25
WHILE = 100  # candidates: how long an archive that was stirred chooses otherwise


class Kept(NamedTuple):
    """A member: `value` is its first goal, more is better. `least` is the smallest size (bytes) of
    those with this value that it took the place of, and its own."""

    number: int
    value: float
    size: float = 0.0
    least: float = 0.0

    def may_follow(self, other: "Kept", growth: float) -> bool:
        """May it take the place of this equal one? Not if it has grown too far: edits without
        effect would pile up until all others miss what matters (bloat; Luke and Panait 2006)."""
        return self.size <= growth * other.least

    def after(self, other: "Kept") -> "Kept":
        """It, as the one that follows this equal one."""
        return self._replace(least=min(self.size, other.least))


def kept_of(entry: Entry) -> Kept:
    size = float(entry.features.get("size", 0.0))
    return Kept(entry.number, float(entry.goals[0]), size, size)


class Ranked:
    """The best so many, best first. With `ties` an equal one comes before its equals, and takes
    the place of the last one; so a list of one is the hill climb that accepts ties. `growth`: how
    many times as large as its smallest equal an equal one may be."""

    def __init__(
        self,
        size: int,
        ties: bool = True,
        kept: Iterable[Sequence[Any]] = (),
        growth: float = GROWTH,
    ):
        self._size, self._ties, self._growth = size, ties, growth
        self.kept = [Kept(int(one[0]), *map(float, one[1:])) for one in kept]

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def best(self) -> Kept:
        return self.kept[0]

    def add(self, new: Kept) -> int | None:
        """Its rank from 0; None if it is not among the best."""
        place = bisect_left if self._ties else bisect_right
        rank = place(self.kept, -new.value, key=lambda one: -one.value)
        equal = self.kept[rank] if rank < len(self.kept) else None
        if equal is not None and equal.value == new.value:
            if not new.may_follow(equal, self._growth):
                return None
            new = new.after(equal)
        if rank >= self._size:
            return None
        self.kept.insert(rank, new)
        del self.kept[self._size :]
        return rank

    def drawn(self, rng: random.Random) -> Kept:
        """The better of two random ones."""
        return self.kept[min(rng.randrange(len(self.kept)), rng.randrange(len(self.kept)))]

    def state(self) -> list[list[Any]]:
        return [list(one) for one in self.kept]


def others(
    rng: random.Random, among: Sequence[int], but: Collection[int], most: int = INSPIRATIONS
) -> tuple[int, ...]:
    """Up to `most` different numbers, drawn from `among` without those in `but`."""
    found = rng.sample(among, min(len(among), most + len(but)))
    return tuple(one for one in dict.fromkeys(found) if one not in but)[:most]


def other_kept(
    rng: random.Random, among: Sequence[Kept], but: Collection[int], most: int = INSPIRATIONS
) -> tuple[int, ...]:
    """As `others`, from members; quick for lists of any length."""
    found = rng.sample(among, min(len(among), most + len(but)))
    return tuple(dict.fromkeys(one.number for one in found if one.number not in but))[:most]


def best_first(members: Iterable[Kept]) -> tuple[int, ...]:
    """Their numbers, each once; of equal ones the newest first."""
    ranked = sorted(members, key=lambda one: (-one.value, -one.number))
    return tuple(dict.fromkeys(one.number for one in ranked))
