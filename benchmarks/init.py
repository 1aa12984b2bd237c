"""Founding against copying: `evolve init N` beside `cp -r` of the template N times, one core.

    python benchmarks/init.py --agents 1000 --rounds 3

The two take turns on the same processor and disk; the ratio is taken pair by pair. The first `init`
of a project also has the compiler try the gene files of the template, which no copy does: the time
of an `init 1` before tells how long that takes, and is no part of the ratio.
"""

import argparse
import shutil
import statistics
import subprocess
import time

from projects import evolve, new_project, scratch
from reports import printed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    trying: list[float] = []
    founding: list[float] = []
    copying: list[float] = []
    with printed() as report, scratch("bench-init-") as folder:
        report |= {"agents": options.agents, "init_seconds": founding, "cp_seconds": copying}
        for number in range(options.rounds):
            project = new_project(folder, f"project-{number}")
            for agents, times in ((1, trying), (options.agents, founding)):
                begun = time.monotonic()
                evolve(project, "init", str(agents), "--workers", "1", cpus="0")
                times.append(time.monotonic() - begun)
            copies = folder / "copies"
            copies.mkdir()
            begun = time.monotonic()
            loop = f"for i in $(seq {options.agents}); do cp -r agent_template {copies}/$i; done"
            subprocess.run(["taskset", "-c", "0", "sh", "-c", loop], cwd=project, check=True)
            copying.append(time.monotonic() - begun)
            shutil.rmtree(copies)
            shutil.rmtree(project)
        ratios = [ours / theirs for ours, theirs in zip(founding, copying, strict=True)]
        each = statistics.median(founding) / options.agents
        report |= {
            "first_init_seconds": [round(seconds, 2) for seconds in trying],
            "init_seconds": [round(seconds, 2) for seconds in founding],
            "cp_seconds": [round(seconds, 2) for seconds in copying],
            "ratio_median": round(statistics.median(ratios), 2),
            "init_ms_per_agent": round(each * 1000, 3),
        }


if __name__ == "__main__":
    main()
