"""Runs one job at a time in the box of a build, where no namespaces are to be had."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.model.job import HARNESS, MIB, SCRATCH, TASK, Job, JobEnd, JobUsage, Outcome
from evolve_ai.model.sandbox import EVERYTHING, Box
from evolve_ai.runners.boxed_slot import HARNESS_FILE
from evolve_ai.runners.task_folder import TaskFolder, checked
from evolve_ai.system.box import box_argv
from evolve_ai.system.boxed_command import Verdict, run_boxed
from evolve_ai.system.commands import CancelledError, Completed, Ending, Limits, cancelled_by
from evolve_ai.system.files import read_regular
from evolve_ai.system.trees import discard

_MOST_COLLECTED = 64 * MIB
_ENDS = {
    Ending.TOTAL_TIMEOUT: JobEnd.SECONDS,
    Ending.SILENCE_TIMEOUT: JobEnd.SILENCE,
    Ending.FLOOD: JobEnd.OUTPUT,
}


@dataclass(frozen=True, slots=True)
class LandlockBoxes:
    """How jobs are boxed: by this keeper, with these programs and libraries."""

    keeper: Path
    readable: tuple[Path, ...]
    path: str
    unsafe: bool = False


class LandlockSlot:
    def __init__(self, boxes: LandlockBoxes, task: TaskFolder, scratch: Path):
        self.boxes, self.task, self.scratch = boxes, task, scratch
        self.notes: set[str] = set()

    def run(self, job: Job, cancelled: threading.Event) -> Outcome:
        place = self.task.fill(job)
        discard(self.scratch)
        for name in ("work", "tmp", "home"):
            (self.scratch / name).mkdir(parents=True)
        limits = job.limits
        try:
            with cancelled_by(cancelled):
                done, verdict = run_boxed(
                    lambda status: self._argv(job, place, status),
                    cwd=place,
                    env=self._env(job, place),
                    limits=Limits(limits.seconds, limits.silence, 0.1, limits.output),
                )
            return self._outcome(job, done, verdict)
        except CancelledError:
            return Outcome(JobEnd.CANCELLED)
        finally:
            discard(self.scratch)

    def close(self) -> None:
        discard(self.scratch)

    def _argv(self, job: Job, place: Path, status: int) -> tuple[str, ...]:
        box = Box(
            readable=(place,),
            executable=(*self.boxes.readable, HARNESS_FILE, self.scratch, place),
            writable=(self.scratch,),
            threads=job.limits.processes,
            lifted=EVERYTHING if self.boxes.unsafe else frozenset(),
        )
        return box_argv(
            self.boxes.keeper,
            box,
            [self._said(word, place) for word in job.argv],
            processes=job.limits.processes,
            all_threads=job.limits.processes,
            file_bytes=job.limits.disk,
            status=status,
        )

    def _said(self, word: str, place: Path) -> str:
        word = word.replace(TASK, str(place)).replace(SCRATCH, str(self.scratch / "work"))
        return word.replace(HARNESS, str(HARNESS_FILE))

    def _env(self, job: Job, place: Path) -> Mapping[str, str]:
        env = {
            "PATH": self.boxes.path,
            "HOME": str(self.scratch / "home"),
            "TMPDIR": str(self.scratch / "tmp"),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
        }
        return env | {name: self._said(value, place) for name, value in job.env.items()}

    def _outcome(self, job: Job, done: Completed, verdict: Verdict) -> Outcome:
        kept = job.limits.kept
        outcome = Outcome(
            JobEnd.EXITED,
            done.code,
            head_and_tail(done.stdout, kept),
            head_and_tail(done.stderr, kept),
            usage=JobUsage(wall=done.seconds),
        )
        if verdict.failed or verdict.lost:
            reason = verdict.failed or "its box was killed from outside"
            return replace(outcome, end=JobEnd.MACHINE, reason=reason)
        if verdict.limit:
            return replace(outcome, end=JobEnd.PROCESSES, reason=verdict.limit)
        if done.ending in _ENDS:
            return replace(outcome, end=_ENDS[done.ending], reason=str(done.ending))
        return replace(outcome, files=self._collected(job))

    def _collected(self, job: Job) -> Mapping[str, bytes]:
        found = {}
        for path in job.collect:
            with suppress(OSError):
                found[path] = read_regular(self.scratch / "work" / checked(path), _MOST_COLLECTED)
        return found


def head_and_tail(text: bytes, kept: int) -> bytes:
    """At most about so many bytes: of its beginning and of its end."""
    if len(text) <= kept:
        return text
    left_out = len(text) - kept
    half = kept // 2
    return (
        text[:half]
        + b"\n[... %d bytes left out ...]\n" % left_out
        + text[len(text) - kept + half :]
    )
