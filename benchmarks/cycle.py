"""A steady cycle, whole: from commit to commit, beside the bare exchange of its ticks.

    python benchmarks/cycle.py --agents 1000 3000 --cycles 8 --json

For each size: a new project with default settings lives `--warm-up` cycles and then so many more;
wall clock by stage, CPU by kind of process, and the CPU that the life-cycle spends on one exchange
of a season. Then the life-cycle is killed, its agents live on, and a loop that understands nothing
sends them the frames of one more season through the same pipes: in one process, and in as many as
there are colonies. The ratio is that of a cycle to the bare exchange, in one process, of as many
frames.
"""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from bare_season import bare_seasons
from cycle_samples import Lived, live, rest_after_a_cycle
from projects import end_by_exception, new_project, scratch
from reports import printed

Report = dict[str, Any]


def measure(folder: Path, agents: int, options: argparse.Namespace) -> Report:
    project = new_project(folder, f"project-{agents}", agents)
    more = [word for setting in options.set for word in ("--set", setting)]
    lived = live(project, options.warm_up, options.cycles, more)
    report = described(agents, lived)
    with rest_after_a_cycle(project, more) as pids:
        report["bare"] = bare_seasons(project, pids)
    bare = report["bare"]["one_process"]["us_per_exchange"] * report["exchanges"] / 1e6
    report["bare"]["seconds_for_a_cycle"] = round(bare, 3)
    report["cycle_to_bare"] = round(report["seconds"] / bare, 2)
    return report


def described(agents: int, lived: Lived) -> Report:
    """Medians over the cycles measured; CPU as a mean, since the clock of some is coarse."""
    cycles, exchanges = lived.cycles, statistics.mean(one.exchanges for one in lived.cycles)
    seconds = [one.seconds for one in cycles]
    stages = {
        name: round(statistics.median(one.stages.get(name, 0.0) for one in cycles), 4)
        for name in cycles[-1].stages
    }
    cpu = {kind: round(used / len(cycles), 3) for kind, used in lived.cpu.items()}
    season = statistics.median(one.season_cpu / one.exchanges for one in cycles)
    return {
        "agents": agents,
        "cycles": len(cycles),
        "first_cycle_s": round(lived.first_cycle, 2),
        "seconds": round(statistics.median(seconds), 3),
        "seconds_most": round(max(seconds), 3),
        "ms_per_agent": round(statistics.median(seconds) / agents * 1000, 3),
        "exchanges": round(exchanges),
        "stages": stages,
        "cpu_seconds_a_cycle": cpu,
        "season_cpu_us_per_exchange": round(season * 1e6, 1),
        "processors_busy": round(sum(cpu.values()) / statistics.mean(seconds), 2),
        "pss_mb": round(lived.memory / 1e6, 1),
        "processes": lived.processes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, nargs="+", default=[1000])
    parser.add_argument("--cycles", type=int, default=8)
    parser.add_argument("--warm-up", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true", help="one JSON object, indented otherwise")
    options = parser.parse_args()
    end_by_exception()
    with printed(None if options.json else 2) as report, scratch("bench-cycle-") as folder:
        report |= {"python": sys.version.split()[0], "sizes": []}
        for agents in options.agents:
            report["sizes"].append(measure(folder, agents, options))


if __name__ == "__main__":
    main()
