"""The proof that it evolves: founders and living sit the same exam, under selection and drift.

    python benchmarks/evolves.py --seeds 5 --agents 100 --cycles 30

For each seed and policy a project is made, founded and lived through with real programs; then
`evolve exam` starts founders and living afresh on the held-out stretch. Prints a table, or JSON.
"""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from projects import evolve, scratch
from reports import printed


def one(folder: Path, seed: int, policy: str, options: argparse.Namespace) -> dict[str, Any]:
    project = folder / f"{policy}-{seed}"
    begun = time.monotonic()
    evolve(folder, "new", str(project))
    evolve(project, "init", str(options.agents), "--seed", str(seed))
    evolve(project, "life-cycle", "--cycles", str(options.cycles), "--selection", policy)
    exam = json.loads(evolve(project, "exam", "--json"))
    status = json.loads(evolve(project, "status", "--json"))
    shutil.rmtree(project)
    return {
        "seed": seed,
        "selection": policy,
        "founders": exam["founders"],
        "living": exam["living"],
        "persistence": exam["persistence"],
        "gain": exam["gain"],
        "born": status["population"]["born"],
        "dead": status["population"]["dead"],
        "seconds": round(time.monotonic() - begun, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--selection", nargs="+", default=["energy", "none"], metavar="POLICY")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args()
    runs: list[dict[str, Any]] = []
    with printed(when=options.json) as report, scratch("bench-evolves-") as folder:
        report |= {"agents": options.agents, "cycles": options.cycles, "runs": runs}
        for seed in range(options.first, options.first + options.seeds):
            for policy in options.selection:
                run = one(folder, seed, policy, options)
                runs.append(run)
                if not options.json:
                    show(run, header=len(runs) == 1)


def show(run: dict[str, Any], header: bool) -> None:
    names = ("seed", "selection", "founders S", "living S", "gain", "founders err", "living err")
    names = (*names, "persistence err", "born", "dead", "s")
    if header:
        print("  ".join(f"{name:>10}" for name in names))
    founders, living, persistence = run["founders"], run["living"], run["persistence"]
    values = (
        run["seed"],
        run["selection"],
        f"{founders['median_s']:.3f}",
        f"{living['median_s']:.3f}",
        f"{run['gain']:+.3f}",
        f"{founders['median_error']:.2f}",
        f"{living['median_error']:.2f}",
        f"{persistence['median_error']:.2f}",
        run["born"],
        run["dead"],
        run["seconds"],
    )
    print(
        "  ".join(
            f"{value!s:>{max(10, len(name))}}" for name, value in zip(names, values, strict=True)
        )
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
