"""What selecting and conceiving cost: milliseconds by policy, microseconds by child.

    python benchmarks/evolution.py --agents 1000 10000

- `select`: milliseconds (median) in which a policy decides over so many living, columns included.
- `conceive`: microseconds (median) for a child: reading two parents, the variation, the bytes of
  the child; and of these parts.
"""

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable

from build_parts import TEMPLATE, VARIATION
from reports import printed

from evolve_ai.model.draws import Draws
from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.genome import Genome, encode, recalled
from evolve_ai.model.selection import Member, PopulationView
from evolve_ai.plugins import SELECTION
from evolve_ai.substrates.rust.substrate import RustSubstrate

PAIRS = 500


def view_of(agents: int) -> PopulationView:
    rng, draws = random.Random(1), Draws(7)
    living = [
        Member(
            draws.uuid("agent", number), rng.randrange(-2000, 90_000), rng.random(),
            rng.randrange(22), 3, 13, True,
        )
        for number in range(agents)
    ]  # fmt: skip
    living.sort(key=lambda one: one.id)
    return PopulationView(3, agents, 46_000, 69_000, 34_500, 20, 0.05, 0.15, tuple(living))


def selecting(agents: int, rounds: int) -> dict[str, float]:
    view, found = view_of(agents), {}
    for name, make in SELECTION.items():
        policy = make(OPTIONS["selection"][name]())
        took = []
        for turn in range(rounds):
            rng, begun = random.Random(turn), time.perf_counter()
            policy(view, rng)
            took.append(time.perf_counter() - begun)
        found[name] = round(statistics.median(took) * 1000, 2)
    return found


def conceiving() -> dict[str, float]:
    gc.collect()
    gc.freeze()  # as a life-cycle does: what lasts is not looked through again and again
    pool, draws = RustSubstrate().read_pool(TEMPLATE), Draws(7)
    ids = [draws.uuid("founder", number) for number in range(PAIRS)]
    founders = [VARIATION.found(one, pool, draws.rng("found", one)) for one in ids]
    stored = [encode(one) for one in founders]

    def child(at: int, parents: list[Genome]) -> Genome:
        return VARIATION.conceive(ids[at], parents, pool, random.Random(at))[0]

    pairs = [[founders[at], founders[-at]] for at in range(PAIRS)]
    children = [child(at, pairs[at]) for at in range(PAIRS)]
    return {
        "all": median_us(
            lambda at: encode(child(at, [recalled(stored[at]), recalled(stored[-at])]))
        ),
        "read_two_parents": median_us(lambda at: (recalled(stored[at]), recalled(stored[-at]))),
        "variation": median_us(lambda at: child(at, pairs[at])),
        "encode": median_us(lambda at: encode(children[at])),
    }


def median_us(step: Callable[[int], object]) -> float:
    took = []
    for at in range(PAIRS):
        begun = time.perf_counter()
        step(at)
        took.append(time.perf_counter() - begun)
    return round(statistics.median(took) * 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with printed(2) as report:
        report["select_ms"] = {n: selecting(n, options.rounds) for n in options.agents}
        report["conceive_us"] = conceiving()


if __name__ == "__main__":
    main()
