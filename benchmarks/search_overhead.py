"""The cost of a search itself: from ask to commit, without an evaluator. Prints JSON.

    python benchmarks/search_overhead.py --candidates 10000

A program of a hundred lines is searched with the default archive and proposers (`--syntax`: the
syntax proposer alone). Its score is made from its hash, at once. Times are wall-clock and processor
milliseconds a candidate, of the first and of the last hundred; then a resume is timed, and memory.
"""

import argparse
import os
import resource
import tempfile
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reports import printed

from evolve_ai.model.candidate import program_digest
from evolve_ai.model.job import Job, JobEnd, Outcome
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.task_settings import Task
from evolve_ai.model.trial import Judgement, Score
from evolve_ai.pipelines.improve import Improver
from evolve_ai.search.commit import Step
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.searches import assemble_parts
from evolve_ai.session.search_project import TaskFolder, opened_at

BASE = os.environ.get("BENCH_DIR")  # where the search is kept; None: the folder for such files


class InstantEvaluator:
    """Scores a program by its hash: a landscape without structure, improved ever more rarely."""

    digest, stages = "0" * 64, ("only",)
    contents: Mapping[str, bytes] = {}

    def job(
        self, number: int, genome: Mapping[str, str], stage: str, seed: int, repeat: int
    ) -> Job:
        return Job(program_digest(genome), genome, frozenset(), ())

    def read(self, outcome: Outcome) -> Judgement:
        value = zlib.crc32(outcome.stdout) / 2**32
        return Score((value,), {"score": value})


class InstantRunner:
    name = "instant"

    def __init__(self) -> None:
        self._ended: list[tuple[str, Outcome]] = []

    def slots(self) -> int:
        return 2

    def submit(self, job: Job) -> str:
        self._ended.append((job.title, Outcome(JobEnd.EXITED, stdout=job.title.encode())))
        return job.title

    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]:
        ended, self._ended = self._ended, []
        return ended

    def known(self, handles: Iterable[str]) -> frozenset[str]:
        return frozenset()

    def cancel(self, handle: str) -> None: ...

    def close(self) -> None: ...


def program() -> bytes:
    """A hundred lines of Python."""
    lines = ["def work(values):", "    total = 0"]
    for number in range(32):
        lines += [
            f"    part{number} = total * {number + 2} + len(values)",
            f"    if part{number} > {number * 10}:",
            f"        total += part{number} - {number}",
        ]
    return "\n".join([*lines, "    return total", ""]).encode()


def run(root: Path, candidates: int, syntax: bool) -> dict[str, float]:
    body = {
        "program": {"files": ["program.py"]},
        "evaluate": {"command": ["none"]},
        **({"proposers": [{"name": "syntax"}]} if syntax else {}),
    }
    task = Task.model_validate(body)
    files = TaskFiles({"program.py": program()}, {}, {}, {})
    found = TaskFolder(root, task, files)
    times: list[tuple[float, float]] = []

    def watch(step: Step) -> None:
        times.append((time.perf_counter(), time.process_time()))

    def assemble(one: TaskFolder, place: Path) -> object:
        return assemble_parts(one, place, InstantEvaluator())

    begun = time.perf_counter()
    with (
        opened_at(root, found, assemble) as opened,  # type: ignore[arg-type]
        Improver(opened, InstantRunner(), TrialContents({}, opened.registry)) as improver,
    ):
        improver.improve(candidates, watch=watch)
    return {
        "seconds": time.perf_counter() - begun,
        "first": _each(times, 100, 200),
        "cpu_first": _each(times, 100, 200, 1),
        "last": _each(times, len(times) - 100, len(times) - 1),
        "cpu_last": _each(times, len(times) - 100, len(times) - 1, 1),
        "mean": _each(times, 0, len(times) - 1),
    }


def _each(times: Sequence[tuple[float, float]], first: int, last: int, which: int = 0) -> float:
    """Milliseconds for each candidate."""
    first, last = max(0, min(first, len(times) - 2)), min(last, len(times) - 1)
    if last <= first:
        return 0.0
    return 1000 * (times[last][which] - times[first][which]) / (last - first)


def measure(report: dict[str, Any], asked: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="evolve-overhead-", dir=BASE) as place:
        fill(report, asked, Path(place))


def fill(report: dict[str, Any], asked: argparse.Namespace, folder: Path) -> None:
    report["candidates"] = asked.candidates
    report |= run(folder, asked.candidates, asked.syntax)
    before = time.perf_counter()
    run(folder, asked.candidates + 1, asked.syntax)
    report["resume_seconds"] = time.perf_counter() - before
    report["registry_bytes"] = (folder / "workspace/registry.sqlite").stat().st_size
    report["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--syntax", action="store_true")
    parser.add_argument("--json", action="store_true", help="always so")
    asked = parser.parse_args()
    with printed() as report:
        measure(report, asked)


if __name__ == "__main__":
    main()
