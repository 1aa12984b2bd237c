"""Makes a call of foreign Python code interruptible: by a time limit, and by the user's signals.

It works in the main thread, where Python handles signals: a loop or a sleep ends by an exception. C
code that never returns to Python is ended with the whole process, by a limit of its CPU time
(RLIMIT_CPU); a second Ctrl-C then ends the process, too (SA_RESETHAND, sigaction(2)).
"""

import ctypes
import faulthandler
import math
import os
import resource
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from evolve_ai.system.plugin_output import bound_log, to_the_user

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RESETHAND = 0x80000000
_PATIENCE = 5  # interruptions that the code may swallow
_GRACE = 4  # seconds beyond the limit before unresponsive code costs the process
_WIDEST = 8  # threads that honest code may keep busy


class TimeUp(BaseException):
    """The time of a call has run out."""


class _Action(ctypes.Structure):
    """struct sigaction of glibc and musl on 64-bit Linux."""

    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ulong * 16),
        ("flags", ctypes.c_uint),
        ("restorer", ctypes.c_void_p),
    )


class Interruptible:
    """Within: TimeUp is raised after so many `seconds` in which this process could run.

    `signalled` is the exception that a signal handler of the user has raised meanwhile: the caller
    must raise it again, even if the code has swallowed it.
    """

    def __init__(self, seconds: float, title: str):
        self._step = min(seconds, 1.0)
        self._left = math.ceil(seconds / self._step)
        self._seconds = seconds
        self._title = title
        self._swallowed = 0
        self._armed = False
        self.signalled: BaseException | None = None

    def __enter__(self) -> Self:
        self._before = {n: signal.getsignal(n) for n in (*ENDS, signal.SIGALRM)}
        for number in ENDS:
            if callable(self._before[number]):
                self._hear(number)
        signal.signal(signal.SIGALRM, self._tick)
        self._limit = resource.getrlimit(resource.RLIMIT_CPU)
        self._bound_cpu()
        self._timer = signal.setitimer(signal.ITIMER_REAL, self._step, self._step)
        self._armed = True
        return self

    def disarm(self) -> None:
        """Raise no TimeUp from now on; call this where TimeUp may still be raised."""
        self._armed = False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._armed = False
        signal.setitimer(signal.ITIMER_REAL, *self._timer)
        resource.setrlimit(resource.RLIMIT_CPU, self._limit)
        for number, handler in self._before.items():
            if handler is not None:
                signal.signal(number, handler)

    def _bound_cpu(self) -> None:
        """Limit the CPU time so that several busy threads can still use the whole time limit."""
        soft, hard = self._limit
        used = math.ceil(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        threads = min(os.cpu_count() or 1, _WIDEST)
        wanted = used + math.ceil(self._seconds + _GRACE) * threads
        for bound in (soft, hard):
            if bound != resource.RLIM_INFINITY:
                wanted = min(wanted, bound)
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))
        if signal.getsignal(signal.SIGXCPU) is signal.SIG_DFL:
            _tell_place_at(signal.SIGXCPU)

    def _hear(self, number: signal.Signals) -> None:
        signal.signal(number, self._signal)
        _end_at_the_second(number)

    def _signal(self, number: int, frame: FrameType | None) -> None:
        before: Any = self._before[signal.Signals(number)]
        self._hear(signal.Signals(number))
        try:
            before(number, frame)
        except BaseException as error:
            self.signalled = error
            raise

    def _tick(self, number: int, frame: FrameType | None) -> None:
        bound_log()
        self._left -= 1
        if not self._armed or (self._left > 0 and self.signalled is None):
            return
        self._swallowed += 1
        if self._swallowed > _PATIENCE:
            to_the_user(
                f"evolve: {self._title} does not end, though it was interrupted {_PATIENCE} "
                "times; this process ends at once, as after a kill -9: agents live on\n"
            )
            os._exit(1)
        raise self.signalled or TimeUp


def _end_at_the_second(number: int) -> None:
    """Let the signal end the process if it comes again before Python has handled the first one."""
    if not sys.platform.startswith("linux"):
        return
    act = ctypes.CDLL(None).sigaction
    now = _Action()
    if act(number, None, ctypes.byref(now)) == 0:
        now.flags |= _RESETHAND
        act(number, ctypes.byref(now), None)


def _tell_place_at(number: int) -> None:
    """Print the line of Python code when the process dies of this signal."""
    ours = getattr(sys.stderr, "ours", sys.stderr)
    try:
        faulthandler.register(number, file=ours, all_threads=False, chain=True)
    except (OSError, ValueError, AttributeError, RuntimeError):
        return
