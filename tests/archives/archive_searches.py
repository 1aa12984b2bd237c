"""How well an archive searches problems made of bits, over some seeds."""

import statistics
import sys
from functools import cache

from made_once import ROOT

from evolve_ai.plugins import ARCHIVES

sys.path.append(str(ROOT / "benchmarks"))

from search_toys import OPTIONS, PROBLEMS, search

ONEMAX, DECEPTIVE, TWO_PEAKS = range(len(PROBLEMS))


@cache
def best(name: str, problem: int, seeds: int) -> float:
    """The median over seeds, as part of the best there is."""
    asked = PROBLEMS[problem]
    found = (search(ARCHIVES[name](OPTIONS[name], seed), asked, seed) for seed in range(seeds))
    return statistics.median(score for score, _ in found) / asked.bits
