"""Runs fuzzers, each for so many inputs: python tests/fuzz/campaign.py --runs 10000000 [TARGET]...

Prints a line for each target, or with --json one object; the first input that breaks a promise ends
it, and is left in the folder that --keep names. A long run's corpus, made small, goes there too.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from seeds import write

HERE = Path(__file__).parent
PYTHON = ("frames", "acts", "genomes", "journals", "settings", "words")
RUST = ("genome", "message", "frame", "wire")
OURS = (sys.executable, str(HERE / "fuzz.py"))
SECONDS = 5  # for one input
MEGABYTES = 512
# Coverage as libFuzzer wants it; rustc takes these on any channel.
COVERAGE = ["-Cpasses=sancov-module", "-Ccodegen-units=1"] + [
    f"-Cllvm-args=-sanitizer-coverage-{name}"
    for name in ("level=4", "inline-8bit-counters", "pc-table", "trace-compares")
]


class Broken(Exception):
    """An input that broke a promise; the message is the fuzzer's last words."""


@dataclass(frozen=True)
class Result:
    target: str
    runs: int
    per_second: int
    peak_megabytes: int
    slowest_seconds: int
    kept: int


def judge(folder: Path) -> Path:
    """The kernel as a judge of genomes, compiled into this folder."""
    _cargo(HERE / "judge", folder, ["--offline", "--locked"], {})
    return judge_in(folder)


def judge_in(folder: Path) -> Path:
    return folder / "release" / "judge"


def rust_fuzzers(folder: Path) -> Path:
    """The folder of the fuzzers of Rust code, compiled below this one; needs a crate and g++.

    Its lock is made when it is fetched: a lock names where that was.
    """
    host = _host()
    # With a target, what runs while we build is not compiled for coverage.
    _cargo(HERE / "rust", folder, ["--target", host], {"RUSTFLAGS": " ".join(COVERAGE)})
    return fuzzers_in(folder)


def fuzzers_in(folder: Path) -> Path:
    return folder / _host() / "release"


def _host() -> str:
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"host: (\S+)", told)[0]


def _cargo(project: Path, folder: Path, options: list[str], env: dict[str, str]) -> None:
    subprocess.run(
        ["cargo", "build", "--quiet", "--release", "--target-dir", folder, *options],
        cwd=project, check=True, env={**os.environ, **env},
    )  # fmt: skip


def fuzz(program: list[str], target: str, runs: int, folder: Path, *options: str) -> Result:
    """So many inputs, from seeds that are written into this folder. Broken if one breaks it."""
    words = write(target, folder)
    argv = [
        *program, f"-runs={runs}", f"-dict={words}", f"-timeout={SECONDS}", "-print_final_stats=1",
        f"-rss_limit_mb={MEGABYTES}", f"-artifact_prefix={folder}/", *options, folder / "corpus",
    ]  # fmt: skip
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace", cwd=HERE
    )
    if done.returncode:
        raise Broken(f"{target}:\n{done.stdout[-4000:]}")
    numbers = dict(re.findall(r"stat::(\w+): +(\d+)", done.stdout))
    return Result(
        target,
        int(numbers["number_of_executed_units"]),
        int(numbers["average_exec_per_sec"]),
        int(numbers["peak_rss_mb"]),
        int(numbers["slowest_unit_time_sec"]),
        len(list((folder / "corpus").iterdir())),
    )


def programs(targets: list[str], folder: Path) -> dict[str, list[str]]:
    """What runs each target."""
    found = {name: [*OURS, name] for name in targets if name in PYTHON}
    if "genomes" in found:
        found["genomes"].append(str(judge(folder / "judge")))
    if set(targets) & set(RUST):
        built = rust_fuzzers(folder / "rust")
        found |= {name: [str(built / name)] for name in targets if name in RUST}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(PYTHON + RUST))
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="a folder for what was found")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evolve-fuzz-") as scratch:
        folder = asked.keep or Path(scratch)
        results = []
        for name, program in programs(asked.targets or [*PYTHON, *RUST], folder).items():
            found = fuzz(program, name, asked.runs, folder / name, f"-seed={asked.seed}")
            results.append(asdict(found))
            if not asked.json:
                print(" · ".join(f"{key} {value}" for key, value in asdict(found).items()))
    if asked.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
