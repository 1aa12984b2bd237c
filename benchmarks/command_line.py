"""How long the command line takes to answer, beside a bare Python, and whether it grows with age.

    python benchmarks/command_line.py --rounds 9

- `commands`: seconds (median, least) of each command, and how many times a bare Python that is;
  all in turns, in a project of 1000 living and 100,000 dead that the Registry has written.
- `life_cycle`: `life-cycle --cycles 1` of a young project and of one of 5,000 cycles, in turns.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from projects import EVOLVE, evolve, new_project, scratch
from reports import printed

from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.model.draws import Draws
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state.registry import Batch, Registry

COMMANDS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "status": ["status"],
    "status --json": ["status", "--json"],
    "agents": ["agents"],
    "agents --json": ["agents", "--json"],
}
BATCH = 5000
DEATHS_A_CYCLE = 3
EVENTS_A_CYCLE = 40
FOUNDERS = 20


def dead_ones(like: AgentRecord, first: int, count: int, cycles: int) -> list[AgentRecord]:
    draws = Draws(7)
    return [
        replace(
            like,
            id=draws.uuid("dead", number),
            number=1_000_000 + number,
            founder=False,
            state=State.DEAD,
            pid=None,
            parents=(like.id,),
            cause=str((Cause.AGE, Cause.TURNOVER, Cause.STARVED)[number % 3]),
            died_cycle=1 + number * cycles // (first + count),
        )
        for number in range(first, first + count)
    ]


def crowded(folder: Path, living: int, dead: int) -> Path:
    """A project with so many; those who live have no processes."""
    project = new_project(folder, "crowded")
    draws, run = Draws(7), "benchmark"
    window = (0.25, 0.5) * 46
    ones = [
        AgentRecord(
            draws.uuid("founder", number), number, number, State.WAITING, 0, (), 0, 1000, True,
            fitness=number / living, evidence=window,
        )
        for number in range(living)
    ]  # fmt: skip
    with Registry.create(project / "workspace" / "registry.sqlite") as registry:
        genomes = {one.id: b"\x80" * 1500 for one in ones}
        registry.commit(Batch(records=ones, genomes=genomes, state=RunState(places=living)), run)
        for first in range(0, dead, BATCH):
            batch = dead_ones(ones[0], first, min(BATCH, dead - first), 5000)
            genomes = {one.id: b"\x80" * 1500 for one in batch}
            registry.commit(Batch(records=batch, genomes=genomes), run)
    return project


def aged(young: Path, cycles: int) -> Path:
    """A copy of a project, with a history of so many cycles more."""
    project = young.with_name("aged")
    shutil.copytree(young, project, symlinks=True)
    with Registry.create(project / "workspace" / "registry.sqlite") as registry:
        last = registry.last_cycle()
        assert last is not None
        like = next(iter(registry.living().values()))
        for cycle in range(last[0] + 1, last[0] + 1 + cycles):
            dead = dead_ones(like, cycle * DEATHS_A_CYCLE, DEATHS_A_CYCLE, cycles)
            events = [
                Event(Kind.MUTATION, cycle, like.id, {"operator": "flip", "changes": ["run"] * 3})
            ] * EVENTS_A_CYCLE
            genomes = {one.id: b"\x80" * 1500 for one in dead}
            batch = Batch(dead, genomes, events=events, cycle=(cycle, last[1], last[2]))
            registry.commit(batch, "benchmark")
    return project


def timed(argv: Sequence[str], project: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, cwd=project, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def answers(project: Path, rounds: int) -> dict[str, Any]:
    asked = {name: [*EVOLVE, *words] for name, words in COMMANDS.items()}
    asked["bare"] = [sys.executable, "-c", "pass"]
    found: dict[str, list[float]] = {name: [] for name in asked}
    for argv in asked.values():
        timed(argv, project)  # once before: what is read from disk is in memory then
    for _ in range(rounds):
        for name, argv in asked.items():
            found[name].append(timed(argv, project))
    bare = statistics.median(found["bare"])
    return {
        name: {
            "s": round(statistics.median(seconds), 4),
            "least_s": round(min(seconds), 4),
            "times_bare": round(statistics.median(seconds) / bare, 2),
        }
        for name, seconds in found.items()
    }


def one_cycle(folder: Path, cycles: int, rounds: int) -> dict[str, Any]:
    young = new_project(folder, "young", FOUNDERS)
    evolve(young, "life-cycle", "--cycles", "1")
    old = aged(young, cycles)
    seconds: dict[str, list[float]] = {"young": [], "aged": []}
    argv = [*EVOLVE, "life-cycle", "--cycles", "1"]
    for project in (young, old):
        timed(argv, project)  # the log of events takes up what is new
    for _ in range(rounds):
        for name, project in (("young", young), ("aged", old)):
            seconds[name].append(timed(argv, project))
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    size = (old / "workspace" / "registry.sqlite").stat().st_size
    return {
        "cycles": cycles,
        "registry_mb": round(size / 1e6, 1),
        **{f"{name}_s": round(median, 3) for name, median in medians.items()},
        "aged_to_young": round(medians["aged"] / medians["young"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--living", type=int, default=1000)
    parser.add_argument("--dead", type=int, default=100_000)
    parser.add_argument("--cycles", type=int, default=5000)
    options = parser.parse_args()
    with printed() as report, scratch("bench-command-line-") as folder:
        report |= {"living": options.living, "dead": options.dead}
        project = crowded(folder, options.living, options.dead)
        report["commands"] = answers(project, options.rounds)
        report["life_cycle"] = one_cycle(folder, options.cycles, options.rounds)


if __name__ == "__main__":
    main()
