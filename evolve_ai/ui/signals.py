"""Handles Ctrl-C, SIGTERM and a closed terminal: the first ends gracefully, the second at once."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SAME_MOMENT = 0.1  # seconds; nobody presses Ctrl-C twice in so short a time
ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopNow(BaseException):
    """A second signal came during a graceful end."""


class Wish:
    """Records whether an end was requested, and calls the function that stops the run.

    A closing terminal signals several times (the kernel its foreground group, a shell its jobs):
    that is one request for a graceful end, never for an immediate one. A signal that comes twice
    within a moment also counts once: timeout(1) signals this process and then its group.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._stop: Callable[[], None] | None = None
        self._asked = 0
        self._hung_up = False
        self._heard = -math.inf

    def calls(self, stop: Callable[[], None]) -> None:
        """Call `stop` at the first signal, or now if that has come already."""
        self._stop = stop
        if self._asked or self._hung_up:
            stop()

    def handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._hung_up = True
            self._end("the terminal was closed: ending after this cycle")
            return
        before, self._heard = self._heard, time.monotonic()
        if self._heard - before < SAME_MOMENT:
            return
        self._asked += 1
        if self._asked == 2:
            raise StopNow
        if self._asked > 2:
            return  # the immediate end is under way, and takes seconds at most
        self._end("ending after this cycle; once more to end now")

    def _end(self, words: str) -> None:
        if self._stop:
            self._stop()
        self._say(words)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Within: the first signal raises StopNow, so that unfinished work is ended, too."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise StopNow

    with _handled(handle):
        yield


@contextmanager
def ending_gracefully(say: Callable[[str], None]) -> Iterator[Wish]:
    """Within: the first signal requests a graceful end, the second raises StopNow.

    Signals that are ignored already (nohup) stay ignored.
    """
    ending = Wish(say)
    with _handled(ending.handle):
        yield ending


@contextmanager
def _handled(handle: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    heard = [n for n in ASKED_TO_END if signal.getsignal(n) is not signal.SIG_IGN]
    known = {number: signal.signal(number, handle) for number in heard}
    try:
        yield
    finally:
        for number, before in known.items():
            signal.signal(number, before)
