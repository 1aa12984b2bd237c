"""Owns what Ctrl-C and SIGTERM mean: the first ends gracefully, the second at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class StopNow(BaseException):
    """A second signal while a graceful end was under way."""


@contextmanager
def ending_gracefully(stop: Callable[[], None], say: Callable[[str], None]) -> Iterator[None]:
    """Within: one SIGINT or SIGTERM calls `stop`, a second one raises StopNow."""
    seen = 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            raise StopNow
        say("ending after this cycle; once more to end now")
        stop()

    known = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, before in known.items():
            signal.signal(number, before)
