"""Founding against copying: `evolve init N` beside `cp -r` of the template N times, one core.

    python benchmarks/init.py --agents 1000 --rounds 3

The two take turns on the same processor and disk; the ratio is taken pair by pair.
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
    founding: list[float] = []
    copying: list[float] = []
    with printed() as report, scratch("bench-init-") as folder:
        report |= {"agents": options.agents, "init_seconds": founding, "cp_seconds": copying}
        for number in range(options.rounds):
            project = new_project(folder, f"project-{number}")
            begun = time.monotonic()
            evolve(project, "init", str(options.agents), "--workers", "1", cpus="0")
            founding.append(time.monotonic() - begun)
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
            "init_seconds": [round(seconds, 2) for seconds in founding],
            "cp_seconds": [round(seconds, 2) for seconds in copying],
            "ratio_median": round(statistics.median(ratios), 2),
            "init_ms_per_agent": round(each * 1000, 3),
        }


if __name__ == "__main__":
    main()
