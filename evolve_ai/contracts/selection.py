"""The contract of a selection policy."""

import random
from typing import Protocol

from evolve_ai.model.selection import PopulationView, Verdicts


class SelectionPolicy(Protocol):
    """A pure function: the same view and the same draws give the same verdicts."""

    def __call__(self, view: PopulationView, rng: random.Random) -> Verdicts: ...
