"""Runs a command in the box of an evaluation, and reads what its watcher reports.

The other end are evolve_ai/keeper/src/trial.rs and trial_report.rs. A watcher ends all processes of
its box when we are gone, so nothing outlives this process.
"""

import os
import select
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.model.errors import MachineError
from evolve_ai.model.job import Job
from evolve_ai.model.sandbox import Protection
from evolve_ai.system.refusals import of_error

# Where things are in the box.
TASK = "/task"
SCRATCH = "/scratch/work"
HOME = "/scratch/home"
TEMPORARY = "/scratch/tmp"
HARNESS = "/evolve/harness.py"
RUN = "/evolve/run"

_PIECE = 1 << 16
_STEP_SECONDS = 0.1
_LAST_SECONDS = 10.0
_FIELDS = 12
_LOST = "the watcher of its box was killed from outside"


@dataclass(frozen=True, slots=True)
class TrialPlaces:
    """Where a box is made: the keeper, what its programs may read and execute, an empty folder to
    mount on, and the folder with the files of the job.

    Without namespaces `scratch` is the folder to write in; paths are then the same inside.
    """

    keeper: Path
    readable: tuple[Path, ...]
    root: Path
    task: Path
    harness: Path
    devices: tuple[Path, ...] = ()
    scratch: Path | None = None
    lifted: frozenset[Protection] = frozenset()


@dataclass(frozen=True, slots=True)
class TrialReport:
    """What a watcher reports; `end` is a word of JobEnd, or `failed` or `unfit`: no box, no server.

    `stays`: the server takes another request. `files` are in the order of the job's `collect`.
    """

    end: str
    code: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    cost: float | None = None
    cost_kind: str = ""
    stays: bool = False
    stdout: bytes = b""
    stderr: bytes = b""
    files: Sequence[bytes | None] = field(default=())
    reason: str = ""


def trial_argv(
    places: TrialPlaces, job: Job, command: Sequence[str], status: int, control: int | None = None
) -> tuple[str, ...]:
    """`status` and `control` are open descriptors of this process; with `control` the command is a
    server. command[0] is a path, or is looked for on the PATH."""
    limits = job.limits
    where = ("--root", places.root) if places.scratch is None else ("--scratch", places.scratch)
    words = [
        *(*map(str, where), "--task", str(places.task)),
        *("--harness", str(places.harness), "--status", str(status)),
        *("--seconds", f"{limits.seconds:.6f}", "--silence", f"{limits.silence:.6f}"),
        *("--cpu", f"{limits.cpu_seconds:.6f}", "--memory", str(limits.memory)),
        *("--output", str(limits.output), "--kept", str(limits.kept)),
        *("--processes", str(limits.processes)),
        *("--disk", str(limits.disk), "--inodes", str(limits.inodes)),
        *("--network", str(int(job.needs.network)), "--cost", job.cost),
    ]
    if control is not None:
        words += ("--warm", "1", "--control", str(control))
    for name, paths in (
        ("--read", map(str, places.readable)),
        ("--device", map(str, places.devices)),
        ("--lift", sorted(one.value for one in places.lifted)),
        ("--program", sorted(job.changed)),
        ("--collect", job.collect),
    ):
        for path in paths:
            words += (name, path)
    return (str(places.keeper), "trial", *words, "--", command[0], *command)


def run_trial(
    argv_of: Callable[[int], Sequence[str]],
    cwd: Path,
    env: Mapping[str, str],
    cancelled: threading.Event,
) -> TrialReport:
    """Run to the end or to a limit; when this returns, no process of the command is left.

    MachineError when the machine cannot start a process.
    """
    ours, theirs = os.pipe()
    with _closed(ours):
        with _closed(theirs):
            process = _started(argv_of(theirs), cwd, env, (theirs,))
        try:
            return _Reader(ours, cancelled).report()
        finally:
            _ended(process)


class TrialServer:
    """A server in a box. One report at a time: the first one is `ready` or `unfit`."""

    def __init__(
        self,
        argv_of: Callable[[int, int], Sequence[str]],
        cwd: Path,
        env: Mapping[str, str],
        cancelled: threading.Event,
    ):
        self._status, theirs = os.pipe()
        given, self._control = os.pipe()
        with _closed(theirs), _closed(given):
            try:
                self._process = _started(argv_of(theirs, given), cwd, env, (theirs, given))
            except BaseException:
                os.close(self._status)
                os.close(self._control)
                raise
        self.began = _Reader(self._status, cancelled).report()

    def run(self, words: Sequence[str], cancelled: threading.Event) -> TrialReport:
        """One evaluation. Its `end` is `machine` when the server has failed."""
        told = b"".join(os.fsencode(word) + b"\0" for word in words)
        try:
            os.write(self._control, struct.pack("<I", len(told)) + told)
        except BrokenPipeError:
            return TrialReport("machine", reason=_LOST)
        return _Reader(self._status, cancelled).report()

    def close(self) -> None:
        os.close(self._control)
        os.close(self._status)
        _ended(self._process)


@contextmanager
def _closed(handle: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(handle)


def _started(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], handles: Sequence[int]
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=handles,
        )
    except OSError as error:
        refused = of_error(error, f"`{argv[0]}` cannot be started")
        raise refused or MachineError(f"`{argv[0]}` cannot be started: {error.strerror}") from error


def _ended(process: "subprocess.Popen[bytes]") -> None:
    """A watcher whose reader is gone ends by itself, or at once when it is told to."""
    try:
        process.wait(0.02)
    except subprocess.TimeoutExpired:
        process.terminate()
        try:
            process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()  # its first process is killed with it, and all others with that
            process.wait()


class _Cancelled(Exception):
    pass


class _Reader:
    """Reads one report."""

    def __init__(self, handle: int, cancelled: threading.Event):
        self._handle = handle
        self._cancelled = cancelled
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def report(self) -> TrialReport:
        try:
            name, *fields = self._line().decode("utf-8", "replace").split("\t")
            if name == "outcome" and len(fields) == _FIELDS:
                return self._outcome(fields)
            return TrialReport(name or "machine", reason="".join(fields))
        except _Cancelled:
            return TrialReport("cancelled", reason="cancelled")
        except EOFError:
            return TrialReport("machine", reason=_LOST)

    def _outcome(self, fields: Sequence[str]) -> TrialReport:
        end, code, wall, cpu, memory, cost, kind, stays, out, err, count, reason = fields
        stdout, stderr = self._bytes(int(out)), self._bytes(int(err))
        lengths_and_files = [self._file() for _ in range(int(count))]
        return TrialReport(
            end,
            int(code),
            int(wall) / 1e6,
            int(cpu) / 1e6,
            int(memory),
            None if kind == "-" else float(cost),
            "" if kind == "-" else kind,
            stays == "1",
            stdout,
            stderr,
            lengths_and_files,
            reason,
        )

    def _file(self) -> bytes | None:
        length = int(self._line())
        return None if length < 0 else self._bytes(length)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            self._more()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _bytes(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        found = bytes(self._buffer[:count])
        del self._buffer[:count]
        return found

    def _more(self) -> None:
        while not self._poll.poll(_STEP_SECONDS * 1000):
            if self._cancelled.is_set():
                raise _Cancelled
        with suppress(InterruptedError):
            piece = os.read(self._handle, _PIECE)
            if not piece:
                raise EOFError
            self._buffer += piece
