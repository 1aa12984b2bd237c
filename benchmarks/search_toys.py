"""How well each archive searches problems made of bits, at equal numbers of candidates; no program
is run. `python benchmarks/search_toys.py --json` prints it as JSON."""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from reports import printed

from evolve_ai.contracts.archive import Archive
from evolve_ai.model.archive_settings import (
    CvtOptions,
    FunsearchOptions,
    IslandsOptions,
    MapElitesOptions,
    NoveltyOptions,
    ParetoOptions,
    TopOptions,
)
from evolve_ai.model.candidate import Entry
from evolve_ai.plugins import ARCHIVES

Bits = tuple[int, ...]
HALVES = ("left", "right")  # ones in each half of the bits: the axes of archives with cells
OPTIONS: Mapping[str, Any] = {
    "top": TopOptions(),
    "islands": IslandsOptions(),
    "map_elites": MapElitesOptions(features=HALVES),
    "cvt": CvtOptions(features=HALVES),
    "novelty": NoveltyOptions(),
    "funsearch": FunsearchOptions(),
    "pareto": ParetoOptions(),
}
BLOCK = 3  # bits
STAGNATION = 200  # candidates without improvement until an archive is stirred
CROSSED, MORE = 0.3, 0.3  # how often bits of a second parent are used; another bit is flipped


@dataclass(frozen=True)
class Problem:
    """`ones`: the chance of each bit of the start to be one. The best score is `bits`."""

    name: str
    bits: int
    ones: float
    candidates: int
    score: Callable[[Bits], float]


def onemax(bits: Bits) -> float:
    return float(sum(bits))


def deceptive(bits: Bits) -> float:
    """Blocks that score best with all ones, and otherwise the better the fewer ones they have."""
    found = 0
    for at in range(0, len(bits), BLOCK):
        ones = sum(bits[at : at + BLOCK])
        found += BLOCK if ones == BLOCK else BLOCK - 1 - ones
    return float(found)


def two_peaks(bits: Bits) -> float:
    """All ones is best, all zeros is nine tenths as good; the start is between the two slopes."""
    ones = sum(bits)
    return max(float(ones), 0.9 * (len(bits) - ones))


PROBLEMS = (
    Problem("onemax", 40, 0.4, 2000, onemax),
    Problem("deceptive", 24, 0.4, 3000, deceptive),
    Problem("two peaks", 30, 0.45, 2000, two_peaks),
)


def search(archive: Archive, problem: Problem, seed: int) -> tuple[float, int]:
    """The best score, and after how many candidates it was found."""
    rng = random.Random(seed)
    start = tuple(int(rng.random() < problem.ones) for _ in range(problem.bits))
    programs, waited, found = [start], 0, 0
    best = problem.score(start)
    archive.tell(_entry(0, start, problem, (), 0))
    for number in range(1, problem.candidates):
        choice = archive.ask(number, rng)
        program = _child([programs[one] for one in choice.parents], rng)
        programs.append(program)
        entry = _entry(number, program, problem, choice.parents, choice.island)
        waited = 0 if archive.tell(entry).improved else waited + 1
        if waited and waited % STAGNATION == 0:
            archive.stir(number, rng)
        if entry.goals[0] > best:
            best, found = entry.goals[0], number
            if best >= problem.bits:
                break
    return best, found


def _child(parents: Sequence[Bits], rng: random.Random) -> Bits:
    bits = list(parents[0])
    if len(parents) > 1 and rng.random() < CROSSED:
        low, high = sorted(rng.sample(range(len(bits) + 1), 2))
        bits[low:high] = parents[1][low:high]
    while True:
        bits[rng.randrange(len(bits))] ^= 1
        if rng.random() >= MORE:
            return tuple(bits)


def _entry(
    number: int, bits: Bits, problem: Problem, parents: tuple[int, ...], island: int
) -> Entry:
    half = len(bits) // 2
    counts = zip(HALVES, (sum(bits[:half]), sum(bits[half:])), strict=True)
    return Entry(
        number,
        (problem.score(bits),),
        {name: float(count) for name, count in counts},
        frozenset(2 * at + bit for at, bit in enumerate(bits)),
        tuple(float(sum(bits[at : at + BLOCK])) for at in range(0, len(bits), BLOCK)),
        parents,
        island,
    )


def measured(name: str, problem: Problem, seeds: int) -> dict[str, Any]:
    begun = time.process_time()
    make = partial(ARCHIVES[name], OPTIONS[name])
    found = [search(make(seed), problem, seed) for seed in range(seeds)]
    scores = [best / problem.bits for best, _ in found]
    solved = [number for best, number in found if best >= problem.bits]
    return {
        "problem": problem.name,
        "archive": name,
        "seeds": seeds,
        "most_candidates": problem.candidates,
        "score_median": round(statistics.median(scores), 3),
        "score_mean": round(statistics.fmean(scores), 3),
        "solved": len(solved),
        "candidates_median": statistics.median(solved) if solved else None,
        "cpu_seconds": round(time.process_time() - begun, 2),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seeds", type=int, default=21)
    words.add_argument("--json", action="store_true")
    asked = words.parse_args()
    with printed() as report:
        rows = report["rows"] = []
        for problem in PROBLEMS:
            for name in OPTIONS:
                row = measured(name, problem, asked.seeds)
                rows.append(row)
                if not asked.json:
                    print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
