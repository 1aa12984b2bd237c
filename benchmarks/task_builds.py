"""Programs of a Cargo project, compiled together and one after the other by `cargo build`.

    python benchmarks/task_builds.py --programs 32 --json

The same project with so many versions of one function: each by `cargo build --release` in a folder
and with a target folder of its own, then all of them as a search does it; in turns, with the
programs changed each time. Wall-clock and processor seconds of a program, and what they are to
those of cargo. `alone` is the search with `evaluate.together = 1`. Crates are none, the library
of the project is small and the same in all of them.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from projects import end_by_exception, scratch
from reports import printed

from evolve_ai.contracts.program_builder import Built, ProgramBuilder
from evolve_ai.session.program_builder import program_builder
from evolve_ai.session.search_project import read_task

MANIFEST = '[package]\nname = "roots"\nversion = "0.1.0"\nedition = "2021"\n'
TASK = """
[program]
files = ["src/main.rs"]
[evaluate]
command = ["{binary}"]
build = "cargo"
"""
LIBRARY = """
//! Reads numbers, and tells of them.
use std::collections::BTreeMap;

pub fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

pub fn table(values: &[f64]) -> BTreeMap<i64, usize> {
    let mut found = BTreeMap::new();
    for value in values {
        *found.entry(value.round() as i64).or_insert(0) += 1;
    }
    found
}

pub fn told(table: &BTreeMap<i64, usize>) -> String {
    let rows: Vec<String> = table.iter().map(|(key, count)| format!("{key}: {count}")).collect();
    rows.join("\\n")
}
"""
TEMPLATE = Path(__file__).parents[1] / "evolve_ai" / "task_templates" / "rust" / "program.rs"
TOLD = '    println!("{}", roots::told(&roots::table(&roots::numbers(&text))));\n}\n'


def measure(options: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    task = folder / "task"
    lay_out(task)
    found = read_task(task)
    main = found.files.initial["src/main.rs"]
    builders = {
        "together": builder_of(task, folder / "together", options.programs),
        "alone": builder_of(task, folder / "alone", 1),
    }
    ways: dict[str, Callable[[Sequence[bytes]], None]] = {
        "cargo": lambda programs: by_cargo(task, folder / "cargo", programs),
        **{name: by_builder(builder) for name, builder in builders.items()},
    }
    for builder in builders.values():  # what all programs share is compiled by the first two
        builder.build([{"src/main.rs": version(main, one)} for one in (10**6, 10**6 + 1)])
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.rounds):
        programs = [version(main, turn * 1000 + one) for one in range(options.programs)]
        for name, build in ways.items():
            began, used = time.monotonic(), processor_seconds()
            build(programs)
            wall[name].append((time.monotonic() - began) / options.programs)
            cpu[name].append((processor_seconds() - used) / options.programs)
    report |= {"programs": options.programs, "rounds": options.rounds}
    for name in ways:
        report[f"{name}_wall_ms"] = round(1000 * statistics.median(wall[name]), 1)
        report[f"{name}_cpu_ms"] = round(1000 * statistics.median(cpu[name]), 1)
    for name in builders:
        report[f"{name}_to_cargo_wall"] = ratio(wall[name], wall["cargo"])
        report[f"{name}_to_cargo_cpu"] = ratio(cpu[name], cpu["cargo"])


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 3)


def lay_out(task: Path) -> None:
    program = TEMPLATE.read_text()
    files: Mapping[str, str] = {
        "Cargo.toml": MANIFEST,
        "task.toml": TASK,
        "src/lib.rs": LIBRARY,
        "src/main.rs": program.rstrip().removesuffix("}") + TOLD,
    }
    for path, text in files.items():
        (task / path).parent.mkdir(parents=True, exist_ok=True)
        (task / path).write_text(text)


def version(main: bytes, number: int) -> bytes:
    """The program with another constant."""
    return main.replace(b"1e-14", b"1.%07de-14" % number)


def builder_of(task: Path, workspace: Path, together: int) -> ProgramBuilder:
    found = read_task(task, [f"evaluate.together={together}"])
    builder = program_builder(found, workspace, unsafe=False)
    assert builder is not None
    return builder


def by_builder(builder: ProgramBuilder) -> Callable[[Sequence[bytes]], None]:
    def build(programs: Sequence[bytes]) -> None:
        found = builder.build([{"src/main.rs": one} for one in programs])
        assert all(isinstance(one, Built) for one in found), found

    return build


def by_cargo(task: Path, place: Path, programs: Sequence[bytes]) -> None:
    shutil.rmtree(place, ignore_errors=True)
    for number, data in enumerate(programs):
        own = place / str(number)
        shutil.copytree(task, own)
        (own / "src/main.rs").write_bytes(data)
        words = ["cargo", "build", "--release", "--offline", "--quiet"]
        subprocess.run(words, cwd=own, check=True)


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object, indented otherwise")
    options = parser.parse_args()
    end_by_exception()
    with printed(None if options.json else 2) as report, scratch("bench-task-builds-") as folder:
        measure(options, folder, report)


if __name__ == "__main__":
    main()
