"""Runs external commands: with limits of time and silence, ended as a whole process group."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from evolve_ai.model.errors import EvolveError
from evolve_ai.system.patience import Patience
from evolve_ai.system.refusals import of_error

_PATIENCE = 0.1  # seconds between checks for a cancellation
_LAST_WORDS = 64  # reads of 64 KiB from each pipe, whose size that is
_cancel: ContextVar[threading.Event | None] = ContextVar("cancel", default=None)


class CancelledError(EvolveError):
    """A command was ended because its result is no longer wanted."""


@contextmanager
def cancelled_by(event: threading.Event) -> Iterator[None]:
    """Within, in this thread: setting the event ends a running command, which then raises
    CancelledError."""
    before = _cancel.set(event)
    try:
        yield
    finally:
        _cancel.reset(before)


class Ending(StrEnum):
    """Why a command ended."""

    EXITED = "exited"
    TOTAL_TIMEOUT = "total timeout"
    SILENCE_TIMEOUT = "silence timeout"
    FLOOD = "limit on what it may print"


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: in total, without a byte of output, and between SIGTERM and SIGKILL.

    `output` is how many bytes it may print to stdout and stderr together; all are kept.
    """

    total: float
    silence: float
    grace: float = 2.0
    output: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that has ended. `code` is the exit status, negative for a signal."""

    code: int
    stdout: bytes
    stderr: bytes
    ending: Ending
    seconds: float


def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    limits: Limits,
    on_line: Callable[[bytes], None] | None = None,
    handles: Collection[int] = (),
    end: "End | None" = None,
    stdin: int | None = None,
) -> Completed:
    """Run to the end or to a limit. `on_line` gets each line of stdout as it comes; the command
    inherits `handles`, and reads from the descriptor `stdin`, if it is one. At a limit `end` must
    end the command and all its descendants.

    Raises FileNotFoundError when there is no such command, MachineError when the machine cannot
    start a process, CancelledError within cancelled_by.
    """
    started, end = time.monotonic(), end or _end_group
    process = _started(argv, cwd, env, handles, stdin)
    reader = _Reader(process, on_line)
    try:
        try:
            ending = reader.read_until_end(limits)
        except BaseException:
            end(process, limits.grace)
            raise
        if ending is not Ending.EXITED:
            end(process, limits.grace)
            reader.drain()
        code = process.wait()
    finally:
        reader.close()
    return Completed(
        code, bytes(reader.stdout), bytes(reader.stderr), ending, time.monotonic() - started
    )


# Ends a process before it returns; the number is the seconds between SIGTERM and SIGKILL.
End = Callable[["subprocess.Popen[bytes]", float], None]


def _started(
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    handles: Collection[int],
    stdin: int | None,
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=tuple(handles),
            bufsize=0,
        )
    except OSError as error:
        refused = of_error(error, f"`{argv[0]}` cannot be started")
        raise refused or error from error


def _refuse_if_cancelled() -> None:
    event = _cancel.get()
    if event is not None and event.is_set():
        raise CancelledError("a command was cancelled")


class _Reader:
    """Collects both outputs of a process without blocking on either."""

    def __init__(self, process: subprocess.Popen[bytes], on_line: Callable[[bytes], None] | None):
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.on_line = on_line
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._told = 0
        self._selector = selectors.DefaultSelector()
        for stream, buffer in ((process.stdout, self.stdout), (process.stderr, self.stderr)):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, buffer)

    def close(self) -> None:
        self._selector.close()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def read_until_end(self, limits: Limits) -> Ending:
        total, silence = Patience(limits.total), Patience(limits.silence)
        while self._selector.get_map():
            _refuse_if_cancelled()
            left = min(total.left, silence.left)
            if left <= 0:
                return Ending.TOTAL_TIMEOUT if total.left <= 0 else Ending.SILENCE_TIMEOUT
            if len(self.stdout) + len(self.stderr) > limits.output:
                return Ending.FLOOD
            if self._read(min(left, _PATIENCE)):
                silence.renew()
            elif self.process.poll() is not None:
                self.drain()  # it may have spoken and ended since we looked
                break  # a stray grandchild may keep the pipes open; it is not waited for
        return self._await_exit(total)

    def _await_exit(self, total: Patience) -> Ending:
        while True:
            _refuse_if_cancelled()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.01, min(total.left, _PATIENCE)))
                return Ending.EXITED
            if total.left <= 0:
                return Ending.TOTAL_TIMEOUT

    def drain(self) -> None:
        """Read what is left in the pipes of an ended command; other processes may still keep them
        open and fill them."""
        for _ in range(_LAST_WORDS):
            if not (self._selector.get_map() and self._read(0.0)):
                break

    def _read(self, seconds: float) -> bool:
        heard = False
        for key, _ in self._selector.select(seconds):
            stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
            data = stream.read(1 << 16)
            if data:
                heard = True
                key.data.extend(data)
            elif data is not None:
                self._selector.unregister(stream)
        self._tell_lines()
        return heard

    def _tell_lines(self) -> None:
        if self.on_line is None:
            return
        while (end := self.stdout.find(b"\n", self._told)) >= 0:
            line = bytes(self.stdout[self._told : end])
            self._told = end + 1
            self.on_line(line)


def _end_group(process: subprocess.Popen[bytes], grace: float) -> None:
    """SIGTERM to the whole group, a pause, then SIGKILL to the rest of it."""
    _signal_group(process.pid, signal.SIGTERM)
    has_ended(process, grace)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for its end; False if the time is up first."""
    patience = Patience(seconds)
    while process.poll() is None and patience.left > 0:
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience.step)
    return process.returncode is not None


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all of its processes are gone
        os.killpg(group, number)
