"""Building: what turning genomes into programs costs, beside a Cargo project for each agent.

    python benchmarks/build.py --agents 1000 --json

Agents are founders of the default template, each with a wiring of its own. In one run, each step
in a process of its own:

- `cold`: everything from nothing: first one agent, then the others (`beyond_units`).
- `cargo_each`: `cargo build --release` in folders of their own, two at a time (a sample).
- `rustc_floor`: rustc on hello-world, two at a time: what one binary each cannot go below.
- `again`: the same population in a new process. `changed`: 50 wirings that are new.
- `altered`: 100 agents with one gene file each altered differently, in populations of 100 and N.
- `tenfold`: ten times as many agents. `life`: from a written genome to the new process (mode free).
- `breakdown`: where the time of `cold` goes; rustc's own passes from a second run of its crates.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from build_parts import (
    alter,
    breakdown,
    compile_hello,
    confine,
    founders,
    laps,
    mutated,
    request_of,
    rust,
    size_of,
    write_folders,
)
from mutation import genome_to_process
from projects import scratch
from reports import printed

SAMPLE = 20
ALTERED = 100
CHANGED = 50


def cold(folder: Path, agents: int) -> dict[str, Any]:
    """Build a population from nothing: one agent, which costs the units, then all the others."""
    substrate, pool = rust()
    genomes = founders(pool, agents)
    with laps() as units:
        builder = substrate.builder(folder, pool, confine)
        builder.build([request_of(substrate, pool, genomes[0])])
    disk, memory = size_of(folder), psutil.Process().memory_info().rss
    with laps() as rest:
        verdicts = builder.build([request_of(substrate, pool, genome) for genome in genomes])
    grown = psutil.Process().memory_info().rss - memory
    programs = {(one.program.file, one.program.arguments) for one in verdicts if one.program}
    assert all(verdict.program is not None for verdict in verdicts)
    return {
        "agents": agents,
        "distinct_programs": len(programs),
        "seconds": round(units["whole"] + rest["whole"], 3),
        "laps": {name: round(units[name] + rest[name], 4) for name in units if name != "whole"},
        "disk_bytes": disk,
        "beyond_units": {
            "ms_per_agent": round(rest["whole"] / agents * 1000, 4),
            "disk_bytes_per_agent": round((size_of(folder) - disk) / agents, 1),
            "memory_bytes_per_agent": round(grown / agents, 1),
        },
    }


def again(folder: Path, agents: int) -> dict[str, Any]:
    """The same population in a new process: all of it is in the store."""
    substrate, pool = rust()
    substrate.toolchain()  # rustc and cargo are asked for their versions once in a run
    genomes = founders(pool, agents)
    with laps() as seconds:
        builder = substrate.builder(folder, pool, confine)
        requests = [request_of(substrate, pool, genome) for genome in genomes]
        verdicts = builder.build(requests)
    assert all(verdict.reused for verdict in verdicts)
    return {
        "seconds": round(seconds["whole"], 4),
        "ms_per_agent": round(seconds["whole"] / agents * 1000, 4),
        "cargo_started": seconds["cargo"] > 0,
    }


def changed(folder: Path, agents: int) -> dict[str, Any]:
    """A population that has been built; then 50 of its wirings mutate."""
    substrate, pool = rust()
    genomes = founders(pool, agents)
    builder = substrate.builder(folder, pool, confine)
    builder.build([request_of(substrate, pool, genome) for genome in genomes])
    genomes[:CHANGED] = [mutated(genome, pool) for genome in genomes[:CHANGED]]
    with laps() as seconds:
        requests = [request_of(substrate, pool, genome) for genome in genomes]
        verdicts = builder.build(requests)
    assert all(verdict.program is not None for verdict in verdicts)
    return {"seconds": round(seconds["whole"], 4), "cargo_started": seconds["cargo"] > 0}


def altered(folder: Path, agents: int) -> dict[str, Any]:
    """A population that has been built; then one gene file each of 100 agents is altered."""
    substrate, pool = rust()
    genomes = founders(pool, agents)
    builder = substrate.builder(folder, pool, confine)
    builder.build([request_of(substrate, pool, genome) for genome in genomes])
    for at in range(ALTERED):
        gene = genomes[at].active_files()[at % len(genomes[at].active_files())]
        code = builder.sources.put(alter(pool.code[gene.code], at))
        files = tuple(replace(one, code=code) if one is gene else one for one in genomes[at].files)
        genomes[at] = replace(genomes[at], files=files)
    with laps() as seconds:
        verdicts = builder.build([request_of(substrate, pool, genome) for genome in genomes])
    assert all(verdict.program is not None for verdict in verdicts)
    compiled = sum(not verdict.reused for verdict in verdicts)
    return {
        "agents": agents,
        "altered": compiled,
        "seconds": round(seconds["whole"], 2),
        "seconds_per_altered": round(seconds["whole"] / compiled, 3),
    }


def cargo_each(folder: Path) -> dict[str, Any]:
    """Agents' own folders, each with its own target folder, by plain cargo."""
    folders = write_folders(folder, SAMPLE)
    argv = ["cargo", "build", "--release", "--offline", "--quiet"]
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda agent: subprocess.run(argv, cwd=agent, check=True), folders))
    seconds = time.monotonic() - begun
    disk = sum(size_of(agent / "target") for agent in folders)
    return {
        "sample": SAMPLE,
        "ms_per_agent": round(seconds / SAMPLE * 1000, 1),
        "bytes_per_agent": disk // SAMPLE,
    }


def rustc_floor(folder: Path, times: int = 60) -> dict[str, Any]:
    begun = time.monotonic()
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda at: compile_hello(folder / str(at)), range(times)))
    return {"sample": times, "ms_per_program": round((time.monotonic() - begun) / times * 1000, 2)}


def alone(step: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """A step in a fresh process, so that none inherits the memory or the caches of another."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(step, *arguments).result()


def middle(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of several runs the one with the median time."""
    return sorted(results, key=lambda result: float(result["seconds"]))[len(results) // 2]


def compare(report: dict[str, Any], folder: Path, agents: int, rounds: int) -> None:
    """Cold builds, cargo alone and rustc's floor, in turns; their figures into the report."""
    whole, each, floor = [], [], []
    report["turns"] = {"cold": whole, "cargo_each": each, "rustc_floor": floor}
    for at in range(rounds):
        whole.append(alone(cold, folder / f"cold-{at}", agents))
        each.append(cargo_each(folder / f"each-{at}"))
        floor.append(rustc_floor(folder / f"floor-{at}"))
    ours = middle(whole)["seconds"] / agents * 1000
    theirs = statistics.median(run["ms_per_agent"] for run in each)
    least = statistics.median(run["ms_per_program"] for run in floor)
    del report["turns"]  # they are in the medians
    report |= {
        "cold": {**middle(whole), "ms_per_agent": round(ours, 3)},
        "cargo_each": {"ms_per_agent": theirs, "bytes_per_agent": each[0]["bytes_per_agent"]},
        "rustc_floor": {"ms_per_program": least},
        "cargo_each_to_cold": round(theirs / ours, 1),
        "cold_to_rustc_floor": round(ours / least, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3, help="of cold builds; the median counts")
    parser.add_argument("--json", action="store_true", help="one line, for programs")
    options = parser.parse_args()
    agents = options.agents
    indent = None if options.json else 2
    with printed(indent) as report, scratch("bench-build-") as folder:
        report |= {"agents": agents, "python": sys.version.split()[0]}
        compare(report, folder, agents, options.rounds)
        warm = folder / "cold-0"
        report["again"] = middle([alone(again, warm, agents) for _ in range(3)])
        report["changed"] = alone(changed, warm, agents)
        report["altered"] = []
        for size in (ALTERED, agents):
            report["altered"].append(alone(altered, folder / f"altered-{size}", size))
        tenfold = alone(cold, folder / "tenfold", 10 * agents)
        report["tenfold"] = tenfold
        report["tenfold"]["again"] = alone(again, folder / "tenfold", 10 * agents)
        report["breakdown"] = breakdown(folder / "cold-0", report["cold"]["laps"])
        report["life"] = genome_to_process(folder, agents)


if __name__ == "__main__":
    main()
