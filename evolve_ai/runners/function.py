"""Runs a Python function of this very process on programs: what `evolve_ai.improve` does with one.

Each trial is a process forked from this one, so the function may be anything that is in memory, and
what it changes is lost with the trial. There is no box around it.
"""

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.contracts.runner import Content
from evolve_ai.model.job import Job, JobEnd, JobUsage, Outcome
from evolve_ai.runners import harness
from evolve_ai.system.parent_death import end_with_parent

RESULT = "result.json"
_MOST = 1 << 20  # bytes of a result


@dataclass
class _Trial:
    """A forked process. `told` is what it has written so far."""

    handle: str
    job: Job
    pid: int
    pipe: int
    folder: Path
    begun: float
    told: bytearray = field(default_factory=bytearray)
    cancelled: bool = False


class FunctionRunner:
    """Satisfies contracts.runner.Runner. `main` is the path of the program that the function gets,
    relative to the folder of its files."""

    name = "function"

    def __init__(
        self, function: Callable[..., Any], main: str, content: Content, slots: int, folder: Path
    ):
        self._function, self._main, self._content = function, main, content
        self._slots, self._folder = slots, folder
        self._waiting: deque[tuple[str, Job]] = deque()
        self._running: dict[str, _Trial] = {}
        self._count = 0

    def slots(self) -> int:
        return self._slots

    def submit(self, job: Job) -> str:
        self._count += 1
        handle = f"function-{os.getpid()}-{self._count}"
        self._waiting.append((handle, job))
        return handle

    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]:
        until = time.monotonic() + seconds
        found: list[tuple[str, Outcome]] = []
        while True:
            while self._waiting and len(self._running) < self._slots:
                self._start(*self._waiting.popleft())
            found += self._ended(max(0.0, until - time.monotonic()) if not found else 0.0)
            if found or not self._running or time.monotonic() >= until:
                return found

    def known(self, handles: Iterable[str]) -> frozenset[str]:
        mine = {handle for handle, _ in self._waiting} | self._running.keys()
        return frozenset(handle for handle in handles if handle in mine)

    def cancel(self, handle: str) -> None:
        self._waiting = deque(one for one in self._waiting if one[0] != handle)
        if handle in self._running:
            self._running[handle].cancelled = True
            _kill(self._running[handle].pid)

    def close(self) -> None:
        self._waiting.clear()
        for trial in list(self._running.values()):
            _kill(trial.pid)
            self._finish(trial)

    def _start(self, handle: str, job: Job) -> None:
        folder = Path(tempfile.mkdtemp(prefix="trial-", dir=self._folder))
        for path, code in job.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(self._content(code))
        ours, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            end_with_parent(parent)
            os.close(ours)
            self._in_child(job, folder, theirs)
        os.close(theirs)
        os.set_blocking(ours, False)
        self._running[handle] = _Trial(handle, job, pid, ours, folder, time.monotonic())

    def _in_child(self, job: Job, folder: Path, pipe: int) -> None:
        """Evaluate, tell, end: nothing of the parent's may run here."""
        code = 1
        with suppress(BaseException):
            os.setpgid(0, 0)
            os.chdir(folder)
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            words = [job.env["EVOLVE_STAGE"], job.env["EVOLVE_SEED"]]
            told = _told(self._function, str(folder / self._main), words)
            data = json.dumps(told).encode()[:_MOST]
            while data:
                data = data[os.write(pipe, data) :]
            code = 0
        os._exit(code)

    def _ended(self, seconds: float) -> list[tuple[str, Outcome]]:
        by_pipe = {trial.pipe: trial for trial in self._running.values()}
        now = time.monotonic()
        for trial in by_pipe.values():
            left = trial.begun + trial.job.limits.seconds - now
            seconds = min(seconds, max(0.0, left))
        ready, _, _ = select.select(list(by_pipe), [], [], seconds) if by_pipe else ([], [], [])
        found = []
        for trial in list(by_pipe.values()):
            over = time.monotonic() - trial.begun >= trial.job.limits.seconds
            at_end = trial.pipe in ready and self._read(trial)
            if over and not at_end:
                _kill(trial.pid)
            if at_end or over:
                found.append((trial.handle, self._finish(trial, over and not at_end)))
        return found

    def _read(self, trial: _Trial) -> bool:
        """True at the end of what it tells."""
        with suppress(BlockingIOError):
            while data := os.read(trial.pipe, 1 << 16):
                trial.told += data
            return True
        return False

    def _finish(self, trial: _Trial, over: bool = False) -> Outcome:
        os.waitid(os.P_PID, trial.pid, os.WEXITED | os.WNOWAIT)
        _kill(trial.pid)  # what it has left in its group, whose number it keeps until it is reaped
        _, status, used = os.wait4(trial.pid, 0)
        os.close(trial.pipe)
        self._running.pop(trial.handle, None)
        shutil.rmtree(trial.folder, ignore_errors=True)
        wall = time.monotonic() - trial.begun
        usage = JobUsage(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
        if trial.cancelled:
            return Outcome(JobEnd.CANCELLED, reason="cancelled")
        if over:
            limit = trial.job.limits.seconds
            return Outcome(JobEnd.SECONDS, reason=f"over {limit:g} seconds", usage=usage)
        files: Mapping[str, bytes] = {RESULT: bytes(trial.told)} if trial.told else {}
        return Outcome(JobEnd.EXITED, os.waitstatus_to_exitcode(status), files=files, usage=usage)


def _told(function: Callable[..., Any], program: str, words: Sequence[str]) -> Mapping[str, Any]:
    try:
        return harness.plain(harness.call(function, program, words))
    except harness.Fault as fault:
        return {"evolve_fault": fault.args[0], "reason": fault.args[1]}
    except BaseException as error:
        cause, words_of = harness.cause_of(error), harness.in_words(error)
        return {"evolve_fault": cause, "reason": words_of}


def _kill(pid: int) -> None:
    """The group of a trial; the trial alone before it has one."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
            return
