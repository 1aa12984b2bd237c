"""What code evolution costs, all figures in one run: search, boxed trials, builds, peers.

    python benchmarks/improve.py --json

Runs the programs beside it one after the other (search_overhead, trials, task_builds and, with
--peers, improve_peers) and prints their reports under their names.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from reports import printed

HERE = Path(__file__).parent


def part(name: str, *words: object) -> Any:
    """The report of one program; {"error": its last words} where it breaks."""
    argv = [sys.executable, str(HERE / f"{name}.py"), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)
    except ValueError:
        return {"error": (done.stderr.strip().splitlines() or ["no output"])[-1]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000, help="of the longer search")
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--programs", type=int, default=32)
    parser.add_argument("--peers", action="store_true", help="install and time the peers, too")
    parser.add_argument("--json", action="store_true", help="always so")
    asked = parser.parse_args()
    with printed() as report:
        report["search"] = part("search_overhead", "--candidates", asked.candidates)
        report["search_syntax"] = part(
            "search_overhead", "--candidates", asked.candidates, "--syntax"
        )
        report["trials"] = part("trials", "--trials", asked.trials, "--json")
        report["builds"] = part("task_builds", "--programs", asked.programs, "--json")
        if asked.peers:
            report["peers"] = part("improve_peers", "--json")


if __name__ == "__main__":
    main()
