"""Handles Ctrl-C, SIGTERM and a closed terminal: a graceful end first, then one at once."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SAME_MOMENT = 0.1  # seconds; nobody presses Ctrl-C twice in so short a time
ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopNow(BaseException):
    """A second signal while a graceful end was under way."""


class Wish:
    """Whether the end was asked for, and whom to tell.

    A terminal that closes says so several times (the kernel to its foreground, a shell to its
    jobs): that is one wish for a graceful end, never one for an end at once. So is a signal that
    comes twice in the same moment, as from timeout(1): once to us, once to our group.
    """

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._stop: Callable[[], None] | None = None
        self._asked = 0
        self._hung_up = False
        self._heard = -math.inf

    def calls(self, stop: Callable[[], None]) -> None:
        """Call `stop` at the first signal; at once if that has come already."""
        self._stop = stop
        if self._asked or self._hung_up:
            stop()

    def handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._hung_up = True
            self._end("its terminal is gone: ending after this cycle")
            return
        before, self._heard = self._heard, time.monotonic()
        if self._heard - before < SAME_MOMENT:
            return
        self._asked += 1
        if self._asked == 2:
            raise StopNow
        if self._asked > 2:
            return  # the end at once is under way, and takes seconds at most
        self._end("ending after this cycle; once more to end now")

    def _end(self, words: str) -> None:
        if self._stop:
            self._stop()
        self._say(words)


@contextmanager
def ending_at_once() -> Iterator[None]:
    """Within: the first signal raises StopNow, so that what was begun is ended too."""

    def handle(number: int, frame: FrameType | None) -> None:
        raise StopNow

    with _handled(handle):
        yield


@contextmanager
def ending_gracefully(say: Callable[[str], None]) -> Iterator[Wish]:
    """Within: the first signal asks for a graceful end, the second raises StopNow.

    What is ignored already (nohup) stays ignored.
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
