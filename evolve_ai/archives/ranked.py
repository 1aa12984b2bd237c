"""Lists of the best entries, and draws from them: what most archives are made of."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from evolve_ai.model.candidate import Entry

INSPIRATIONS = 3  # the most that a choice names
WHILE = 100  # candidates: how long an archive that was stirred chooses otherwise


class Kept(NamedTuple):
    """A member: `value` is its first goal, more is better."""

    number: int
    value: float


def kept_of(entry: Entry) -> Kept:
    return Kept(entry.number, float(entry.goals[0]))


class Ranked:
    """The best so many, best first. With `ties` an equal one comes before its equals, and takes
    the place of the last one; so a list of one is the hill climb that accepts ties."""

    def __init__(self, size: int, ties: bool = True, kept: Iterable[Sequence[Any]] = ()):
        self._size = size
        self._ties = ties
        self.kept = [Kept(int(number), float(value)) for number, value in kept]

    def __len__(self) -> int:
        return len(self.kept)

    @property
    def best(self) -> Kept:
        return self.kept[0]

    def add(self, new: Kept) -> int | None:
        """Its rank from 0; None if it is not among the best."""
        place = bisect_left if self._ties else bisect_right
        rank = place(self.kept, -new.value, key=lambda one: -one.value)
        if rank >= self._size:
            last = self.kept[-1]
            if not (self._ties and new.value == last.value):
                return None
            rank = self._size - 1
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
