"""Runs jobs in boxes as a search does, and looks at what is left of them."""

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from evolve_ai.model.candidate import hash_of
from evolve_ai.model.job import HARNESS, MIB, Job, Outcome, TrialLimits
from evolve_ai.runners.local import LocalRunner
from evolve_ai.session.trial_runner import open_local_runner

SECONDS = 30.0
QUICK = TrialLimits(seconds=20.0, silence=20.0, cpu_seconds=20.0, memory=512 * MIB, disk=8 * MIB)


class Bench:
    """A runner, and the content of its jobs."""

    def __init__(self, runner: LocalRunner, degraded: tuple[str, ...], place: Path):
        self.runner, self.degraded, self.place = runner, degraded, place
        self.content: dict[str, bytes] = {}
        self.count = 0

    def put(self, text: str) -> str:
        data = text.encode()
        self.content[hash_of(data)] = data
        return hash_of(data)

    def job(
        self,
        files: Mapping[str, str],
        argv: tuple[str, ...],
        limits: TrialLimits = QUICK,
        **more: object,
    ) -> Job:
        self.count += 1
        named = {path: self.put(text) for path, text in files.items()}
        changed = frozenset(path for path in files if path.startswith("prog"))
        return Job(f"job {self.count}", named, changed, argv, limits=limits, **more)  # type: ignore[arg-type]

    def run(self, job: Job) -> Outcome:
        handle = self.runner.submit(job)
        return self.until(handle)[handle]

    def until(self, *handles: str) -> dict[str, Outcome]:
        found: dict[str, Outcome] = {}
        deadline = time.monotonic() + 3 * SECONDS
        while not set(handles) <= set(found):
            assert time.monotonic() < deadline, f"no outcome of {set(handles) - set(found)}"
            found |= dict(self.runner.done(1.0))
        return found

    def python(self, script: str, limits: TrialLimits = QUICK, **more: object) -> Outcome:
        """What a Python script does in a box."""
        return self.run(self.job({"main.py": script}, (sys.executable, "main.py"), limits, **more))

    def shell(self, script: str, limits: TrialLimits = QUICK, **more: object) -> Outcome:
        return self.run(self.job({"main.sh": script}, ("/bin/sh", "main.sh"), limits, **more))

    def evaluated(
        self,
        evaluator: str,
        program: str = "",
        *,
        warm: bool = False,
        limits: TrialLimits = QUICK,
        words: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        argv = (
            sys.executable,
            HARNESS,
            "evaluate.py:evaluate",
            "{task}/program.py",
            "{scratch}/result.json",
            *words,
        )
        files = {"evaluate.py": evaluator, "program.py": program}
        name = "evaluate.py:evaluate" if warm else ""
        more = {"warm": name, "collect": ("result.json",), "env": env or {}}
        return self.run(self.job(files, argv, limits, **more))


@contextmanager
def opened(place: Path, keeper: Path, slots: int = 1) -> Iterator[Bench]:
    """`keeper` is the fixture of that name; its program is used in this workspace, too."""
    shutil.copytree(keeper.parents[1], place / "keeper", dirs_exist_ok=True)
    content: dict[str, bytes] = {}
    runner, degraded = open_local_runner(place, content.__getitem__, slots, False)
    bench = Bench(runner, degraded, place)
    bench.content = content
    try:
        yield bench
    finally:
        runner.close()


def skip_without_namespaces(bench: Bench) -> None:
    if bench.degraded:
        pytest.skip("boxes of evaluations are degraded here: " + "; ".join(bench.degraded))
