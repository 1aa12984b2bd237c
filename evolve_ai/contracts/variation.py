"""The contract of variation: where the genomes of founders and children come from."""

import random
from collections.abc import Sequence
from typing import Protocol

from evolve_ai.model.genome import Genome
from evolve_ai.model.report import GenePool


class Variation(Protocol):
    # A random genome over the genes of the pool.
    def found(self, agent: str, pool: GenePool, rng: random.Random) -> Genome: ...

    # A child of one or two parents, and the operators that acted.
    def conceive(
        self, agent: str, parents: Sequence[Genome], pool: GenePool, rng: random.Random
    ) -> tuple[Genome, tuple[str, ...]]: ...
