"""Evaluations in boxes: how many a second, and how late the slowest daemon is ended.

    python benchmarks/trials.py --trials 300 --slots 2 --json

A trivial Python evaluator: kept warm, imported for each trial, and the same command without a box,
in turns. Then a script that forks daemons and sleeps is ended after a limit of a second, again and
again: the most that it took, and how many processes were left.
"""

import argparse
import hashlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from projects import end_by_exception, scratch
from reports import printed

from evolve_ai.model.job import HARNESS, Job, JobUsage, TrialLimits
from evolve_ai.runners.boxed_slot import HARNESS_FILE
from evolve_ai.runners.local import LocalRunner
from evolve_ai.session.trial_runner import open_local_runner

EVALUATOR = """
def evaluate(program):
    names = {}
    exec(open(program).read(), names)
    return {"score": names["square"](3)}
"""
PROGRAM = "def square(x):\n    return x * x\n"
SLEEPING = "7654321"
DAEMON = f"(setsid sh -c '(setsid sleep {SLEEPING} &)' &); trap '' TERM; sleep 60"
LIMIT = 1.0


def measure(options: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    content: dict[str, bytes] = {}
    runner, degraded = open_local_runner(folder, content.__getitem__, options.slots, False)
    with closing(runner):
        kinds: dict[str, Callable[[int], float]] = {
            "warm": lambda count: rate(runner, evaluations(content, count, "evaluate.py:evaluate")),
            "cold": lambda count: rate(runner, evaluations(content, count, "")),
            "bare": lambda count: bare_rate(folder, count, options.slots),
        }
        rates: dict[str, list[float]] = {name: [] for name in kinds}
        for kind in kinds.values():
            kind(options.slots)  # the first ones start servers, and fill caches
        for _ in range(options.rounds):
            for name, kind in kinds.items():
                rates[name].append(kind(options.trials if name == "warm" else options.trials // 4))
        report |= {f"{name}_per_second": round(statistics.median(rates[name]), 1) for name in kinds}
        report |= daemons(runner, content, options.daemons) | {"degraded": degraded}


@contextmanager
def closing(runner: LocalRunner) -> Iterator[None]:
    try:
        yield
    finally:
        runner.close()


def put(content: dict[str, bytes], text: str) -> str:
    code = hashlib.sha256(text.encode()).hexdigest()
    content[code] = text.encode()
    return code


def evaluations(content: dict[str, bytes], count: int, warm: str) -> Sequence[Job]:
    argv = (sys.executable, HARNESS, "evaluate.py:evaluate", "{task}/p.py", "{scratch}/result")
    files = {"evaluate.py": put(content, EVALUATOR)}
    programs = [put(content, f"{PROGRAM}# {number}\n") for number in range(count)]
    return [
        Job(
            f"{n}",
            files | {"p.py": code},
            frozenset({"p.py"}),
            argv,
            collect=("result",),
            warm=warm,
        )
        for n, code in enumerate(programs)
    ]


def rate(runner: LocalRunner, jobs: Sequence[Job]) -> float:
    began = time.monotonic()
    for job in jobs:
        runner.submit(job)
    left = len(jobs)
    while left:
        for _, outcome in runner.done(10.0):
            assert outcome.files["result"] == b'{"score": 9}', outcome
            left -= 1
    return len(jobs) / (time.monotonic() - began)


def bare_rate(folder: Path, count: int, slots: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        (place / "evaluate.py").write_text(EVALUATOR)
        (place / "p.py").write_text(PROGRAM)

        def run(number: int) -> None:
            words = [HARNESS_FILE, "evaluate.py:evaluate", "p.py", f"result-{number}"]
            subprocess.run([sys.executable, *words], cwd=place, check=True)

        began = time.monotonic()
        with ThreadPoolExecutor(slots) as pool:
            list(pool.map(run, range(count)))
        return count / (time.monotonic() - began)


def daemons(runner: LocalRunner, content: dict[str, bytes], count: int) -> dict[str, Any]:
    files = {"main.sh": put(content, DAEMON)}
    limits = TrialLimits(seconds=LIMIT)
    took, wrong = [], 0
    for number in range(count):
        began = time.monotonic()
        runner.submit(Job(f"d{number}", files, frozenset(), ("/bin/sh", "main.sh"), limits=limits))
        outcome = runner.done(30.0)[0][1]
        took.append(time.monotonic() - began)
        wrong += outcome.end != "seconds" or outcome.usage == JobUsage()
    told = subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True, check=True)
    left = sum(f"sleep {SLEEPING}" in line for line in told.stdout.splitlines())
    return {
        "daemons": count,
        "limit_s": LIMIT,
        "over_after_s_median": round(statistics.median(took), 3),
        "over_after_s_most": round(max(took), 3),
        "otherwise_ended": wrong,
        "left": left,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--daemons", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="one JSON object, indented otherwise")
    options = parser.parse_args()
    end_by_exception()
    with printed(None if options.json else 2) as report, scratch("bench-trials-") as folder:
        measure(options, folder, report)


if __name__ == "__main__":
    main()
