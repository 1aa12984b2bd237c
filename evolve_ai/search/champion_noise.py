"""Remembers measurements of the champion alone: what differs by less may be noise."""

from collections.abc import Mapping, Sequence
from typing import Any

_KEPT = 64  # the last ones


class ChampionNoise:
    """Of the present champion, as comparisons that are committed measured it."""

    def __init__(self) -> None:
        self._number = -1
        self.repeats: tuple[float, ...] = ()

    def tell(self, number: int, improved: bool, rounds: Mapping[int, Sequence[float]]) -> None:
        """Candidate `number` is committed; `rounds` are first goals by whose program ran."""
        if improved:
            self._number, self.repeats = number, ()
        more = rounds.get(self._number, ())
        self.repeats = (*self.repeats, *more)[-_KEPT:]

    def state(self) -> Mapping[str, Any]:
        return {"number": self._number, "repeats": list(self.repeats)}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._number, self.repeats = state["number"], tuple(state["repeats"])
