"""Notices that a search makes no progress, and says how large steps should be then."""

from collections.abc import Mapping
from typing import Any

LARGEST_STEP = 8.0


class Stagnation:
    """Counts candidates without improvement. After each `limit` of them (0: never) the archive is
    to be stirred, and the step doubles, up to eight times the usual one; an improvement makes it
    1.0 again. `said` is the last sentence for the user."""

    def __init__(self, limit: int):
        self._limit = limit
        self.waited = 0  # candidates since the last improvement
        self.step = 1.0
        self.said = ""

    def tell(self, improved: bool) -> bool:
        """Call it once for each candidate, also for those without a score; True: stir now."""
        if improved:
            self.waited, self.step = 0, 1.0
            return False
        self.waited += 1
        if not self._limit or self.waited % self._limit:
            return False
        self.step = min(self.step * 2.0, LARGEST_STEP)
        return True

    def answered(self, stirred: str) -> str:
        """What is told to the user, once the archive has said what it did ("": nothing)."""
        done = f"{stirred}; " if stirred else ""
        self.said = (
            f"no improvement in {self.waited} candidates: {done}"
            f"steps are {self.step:g} times as large"
        )
        return self.said

    def state(self) -> Mapping[str, Any]:
        return {"waited": self.waited, "step": self.step, "said": self.said}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.waited, self.step, self.said = state["waited"], state["step"], state["said"]
