"""An idle life-cycle: what a cycle costs in which nothing has changed and the world stands still.

    python benchmarks/idle.py --agents 1000 4000 --cycles 100

For each size: microseconds an agent and cycle, by stage, and the memory (proportional set size)
of the main process, its workers and their fork server, at the start and at the end.
"""

import argparse
import json
import statistics
import subprocess
import sys
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from projects import EVOLVE, new_project, pss, scratch
from reports import printed

WARM_UP = 3
SAMPLE = 20  # memory is read in every so many-th cycle


def family(pid: int) -> list[int]:
    """A process and its descendants, agents left out."""
    found = [pid]
    for at in found:
        for task in Path(f"/proc/{at}/task").glob("*/children"):
            found += [int(child) for child in task.read_text().split()]
    return [one for one in found if not _is_agent(one)]


def _is_agent(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"agent-")
    except OSError:
        return True


def measure(folder: Path, agents: int, cycles: int) -> dict[str, object]:
    project = new_project(folder, f"project-{agents}", agents)
    argv = [*EVOLVE, "life-cycle", "--cycles", str(cycles + WARM_UP), "--set", "cycle.ticks=0"]
    memory = []
    with subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, text=True) as process:
        lines = (line for line in process.stdout or () if line.startswith("cycle"))
        for number, _ in enumerate(lines):
            # Reading it costs the process time, so it must not be in every cycle.
            if number % SAMPLE == WARM_UP:
                memory.append(sum(pss(pid) for pid in family(process.pid)))
    events = [
        event
        for event in map(json.loads, (project / "logs" / "events.jsonl").open())
        if event["event"] == "cycle"
    ][WARM_UP:]
    seconds = [event["seconds"] for event in events]
    times = [datetime.fromisoformat(event["ts"]) for event in events]
    # From commit to commit: the whole of a cycle, recording and notifying included.
    whole = [(later - one).total_seconds() for one, later in pairwise(times)]
    stages = {
        name: round(statistics.median(laps[name] for laps in seconds) / agents * 1e6, 2)
        for name in seconds[0]
    }
    return {
        "agents": agents,
        "cycles": len(whole),
        "us_per_agent_median": round(statistics.median(whole) / agents * 1e6, 1),
        "us_per_agent_p90": round(sorted(whole)[int(len(whole) * 0.9)] / agents * 1e6, 1),
        "us_per_agent_by_stage": stages,
        "pss_mb_first": round(memory[0] / 1e6, 1),
        "pss_mb_last": round(memory[-1] / 1e6, 1),
        "pss_mb_peak": round(max(memory) / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--cycles", type=int, default=100)
    options = parser.parse_args()
    with printed() as report, scratch("bench-idle-") as folder:
        report |= {"python": sys.version.split()[0], "sizes": []}
        for agents in options.agents:
            report["sizes"].append(measure(folder, agents, options.cycles))


if __name__ == "__main__":
    main()
