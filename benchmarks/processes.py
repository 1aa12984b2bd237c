"""What a look at many processes takes: by psutil, and by reading /proc/<pid>/stat ourselves.

    python benchmarks/processes.py [--processes 1000] [--rounds 20]

Prints JSON: milliseconds for all of them, the median of so many rounds.
"""

import argparse
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
from reports import printed

from evolve_ai.system.consumption import memory_of
from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.listing import usage
from evolve_ai.system.proc_stat import Sweep, start_ticks


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--processes", type=int, default=1000)
    words.add_argument("--rounds", type=int, default=20)
    asked = words.parse_args()
    sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range(asked.processes)]
    try:
        with printed(indent=2) as report:
            report |= facts(asked.processes)
            report |= measure([one.pid for one in sleepers], asked.rounds)
    finally:
        for one in sleepers:
            one.kill()
        for one in sleepers:
            one.wait()


def facts(processes: int) -> dict[str, Any]:
    return {
        "processes": processes,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "psutil": psutil.__version__,
        "kernel": os.uname().release,
        "load": os.getloadavg()[0],
    }


def measure(pids: Sequence[int], rounds: int) -> dict[str, float]:
    """Milliseconds by what was done; of each pair the one after the other, in every round."""
    sweep = Sweep()
    known = [one for one in map(identify, pids) if one is not None]
    ways: dict[str, Callable[[], object]] = {
        "sweep_proc_ms": lambda: sweep(pids),
        "sweep_psutil_ms": lambda: [usage(pid) for pid in pids],
        "start_proc_ms": lambda: [start_ticks(pid) for pid in pids],
        "start_psutil_ms": lambda: [psutil.Process(pid).create_time() for pid in pids],
        "lives_proc_ms": lambda: [one.lives() for one in known],
        "lives_psutil_ms": lambda: [_lives(one) for one in known],
        "memory_proc_ms": lambda: memory_of(pids),
        "memory_psutil_ms": lambda: [psutil.Process(pid).memory_info() for pid in pids],
        "listing_psutil_ms": lambda: [one.pid for one in psutil.process_iter()],
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            taken[name].append((time.perf_counter() - begun) * 1000)
    return {name: round(statistics.median(times), 2) for name, times in taken.items()}


def _lives(identity: Identity) -> bool:
    process = psutil.Process(identity.pid)
    with process.oneshot():
        ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        return not ended and process.create_time() > 0


if __name__ == "__main__":
    main()
