"""What the sandbox costs: a start, a build, an audit, each beside the same without it.

    python benchmarks/sandbox.py --starts 1000 --json

Starts go through one keeper, boxed and bare by turns, each from the request until the keeper says
that the program runs; the box is that of an agent. Builds are cold ones of the whole default
template, boxed and bare by turns, cargo and all. The audit is that of an agent of the default
template: all its gene files read and judged, then looked up by their hashes.
Asked for: 0.5 ms a start, 5 % of a build, 15 ms and 0.2 ms an audit.
"""

import argparse
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

from build_parts import founders, request_of, rust
from projects import end_by_exception, scratch
from reports import printed

from evolve_ai.colony.keeper import Ended, Keeper, Launch, ProcessStarted
from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.colony.programs import Programs
from evolve_ai.model.report import Program
from evolve_ai.model.sandbox import AgentBox, Box, Confinement
from evolve_ai.substrates.rust import compiler
from evolve_ai.system.boxed_command import Verdict
from evolve_ai.system.commands import Completed, run_command
from evolve_ai.system.verdict_store import VerdictStore

AGENTS_IN_A_BUILD = 20
AUDIT_ROUNDS = 50
ORPHAN_SECONDS = 60

Report = dict[str, Any]


def measure_starts(folder: Path, starts: int) -> Report:
    """A program that ends at once, started by turns in a box and without one."""
    program, libraries = exits_at_once(folder), rust()[0].needs.libraries
    home = folder / "agent"
    (home / "state").mkdir(parents=True)
    box = AgentBox(libraries=tuple(map(Path, libraries))).of(home)
    held = Programs().hold(Program(program))
    seconds: dict[str, list[float]] = {"bare": [], "boxed": []}
    with kept(folder) as keeper, pipes(home) as (inward, outward):
        for number in range(starts):
            turns = (("bare", None), ("boxed", box))
            for name, around in turns if number % 2 else reversed(turns):
                launch = Launch(
                    id=f"{name}-{number}",
                    note="-",
                    program=held,
                    arguments=(),
                    argv0="agent-bench",
                    folder=home,
                    in_path=inward,
                    out_path=outward,
                    log=home / "agent.log",
                    box=around,
                )
                seconds[name].append(time_of_start(keeper, launch))
    pairs = zip(seconds["boxed"], seconds["bare"], strict=True)
    return {
        "starts": starts,
        **{f"{name}_ms": milliseconds(found) for name, found in seconds.items()},
        "more_ms": milliseconds([boxed - bare for boxed, bare in pairs]),
    }


def exits_at_once(folder: Path) -> Path:
    source, program = folder / "ends.rs", folder / "ends"
    source.write_text("fn main() {}\n")
    flags = ("--edition", "2021", "-O", "-C", "panic=abort", "-C", "strip=symbols")
    subprocess.run(["rustc", *flags, "-o", str(program), str(source)], check=True)
    return program


@contextmanager
def kept(folder: Path) -> Iterator[Keeper]:
    with Keeper.open(folder / "keeper", keeper_program(folder), ORPHAN_SECONDS) as keeper:
        try:
            yield keeper
        finally:
            keeper.leave(5.0)


@contextmanager
def pipes(home: Path) -> Iterator[tuple[Path, Path]]:
    """Those of all agents: only one lives at a time."""
    ends = home / "in", home / "out"
    for path in ends:
        os.mkfifo(path)
    held = [os.open(path, os.O_RDWR | os.O_NONBLOCK) for path in ends]
    try:
        yield ends
    finally:
        for handle in held:
            os.close(handle)


def time_of_start(keeper: Keeper, launch: Launch) -> float:
    """From the request until the program runs; then we wait until it has ended."""
    begun = time.perf_counter()
    keeper.spawn(launch)
    keeper.flush()
    running, ended = 0.0, False
    while not ended:
        for told in keeper.hear():
            if isinstance(told, ProcessStarted):
                running = time.perf_counter() - begun
            elif isinstance(told, Ended):
                ended = True
            else:
                raise SystemExit(f"the keeper says {told}")
    return running


def milliseconds(seconds: list[float]) -> float:
    """Their median."""
    return round(statistics.median(seconds) * 1e3, 3)


def measure_builds(folder: Path, pairs: int) -> Report:
    """Seconds of cold builds, and boxed by bare: by the clock, and in processor time, which is
    less troubled by what else the machine does."""
    seconds: dict[str, list[float]] = {"bare": [], "boxed": []}
    used: dict[str, list[float]] = {"bare": [], "boxed": []}
    keeper = keeper_program(folder)
    for number in range(pairs):
        for name in ("bare", "boxed") if number % 2 else ("boxed", "bare"):
            wall, cpu = time_of_build(folder / f"{name}-{number}", keeper, name)
            seconds[name].append(wall)
            used[name].append(cpu)
    return {
        "pairs": pairs,
        **{f"{name}_s": round(statistics.median(found), 2) for name, found in seconds.items()},
        "boxed_by_bare": ratio(seconds),
        "boxed_by_bare_cpu": ratio(used),
    }


def ratio(found: dict[str, list[float]]) -> float:
    """The median of boxed by bare, pair by pair."""
    pairs = zip(found["boxed"], found["bare"], strict=True)
    return round(statistics.median(boxed / bare for boxed, bare in pairs), 3)


def time_of_build(workspace: Path, keeper: Path, how: str) -> tuple[float, float]:
    """By the clock, and of processors."""
    substrate, pool = rust()
    builder = substrate.builder(workspace, pool, lambda: Confinement(keeper))
    requests = [request_of(substrate, pool, one) for one in founders(pool, AGENTS_IN_A_BUILD)]
    patches = {"box_argv": bare, "run_boxed": run_bare}
    no_box = mock.patch.multiple(compiler, **patches) if how == "bare" else nullcontext()
    begun, before = time.monotonic(), os.times()
    with no_box:
        verdicts = builder.build(requests)
    assert all(one.program for one in verdicts)
    after = os.times()
    used = after.children_user + after.children_system
    return time.monotonic() - begun, used - before.children_user - before.children_system


def bare(program: Path, box: Box, command: Sequence[str], **limits: object) -> tuple[str, ...]:
    return tuple(command)


def run_bare(argv_of: Callable[[int], Sequence[str]], **more: Any) -> tuple[Completed, Verdict]:
    return run_command(argv_of(0), **more), Verdict()


def measure_audit(folder: Path) -> Report:
    substrate, pool = rust()
    cold, cached = [], []
    paths = {source.code: source.path for source in pool.sources}
    policy = substrate.policy_hash(pool.manifests)
    for _ in range(AUDIT_ROUNDS):
        begun = time.perf_counter()
        reports = [
            substrate.read_source(path, pool.code[code], pool.manifests)
            for code, path in paths.items()
        ]
        cold.append(time.perf_counter() - begun)
    with VerdictStore(folder / "verdicts.sqlite", policy) as verdicts:
        verdicts.put(reports)
        for _ in range(AUDIT_ROUNDS):
            begun = time.perf_counter()
            assert verdicts.get(paths).keys() == paths.keys()
            cached.append(time.perf_counter() - begun)
    return {
        "files": len(paths),
        "cold_ms": milliseconds(cold),
        "cached_ms": milliseconds(cached),
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=1000, help="pairs of them")
    parser.add_argument("--builds", type=int, default=5, help="pairs of them")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser.parse_args()


def main() -> None:
    options = parsed()
    end_by_exception()
    with printed(when=options.json) as report, scratch("bench-sandbox-") as folder:
        report["start"] = measure_starts(folder, options.starts)
        report["build"] = measure_builds(folder, options.builds)
        report["audit"] = measure_audit(folder)
    if options.json:
        return
    for name, row in report.items():
        print(name, " ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
