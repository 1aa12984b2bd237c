"""Sends items in a thread of its own, from a queue of limited length, without blocking callers."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from evolve_ai.notifications.orchestrator_log import Log

Item = TypeVar("Item")


class BackgroundSender(Generic[Item]):
    """Calls `carry` in a thread with the offered items, in order, at most `batch` at a time.

    While `room` items wait, further ones are dropped, counted and reported.
    """

    def __init__(
        self,
        name: str,
        carry: Callable[[Sequence[Item]], None],
        log: Log,
        *,
        room: int = 10_000,
        batch: int = 1,
        grace: float = 3.0,
    ):
        self.name = name
        self.dropped = 0
        self.left: Sequence[Item] = ()  # items that were not carried before the deadline
        self.closing = threading.Event()
        self._carry, self._log = carry, log
        self._room, self._batch, self._grace = room, batch, grace
        self._waiting: deque[Item] = deque()
        self._in_hand = 0
        self._carried: list[Item] = []  # the latest batch
        self._deadline = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def offer(self, items: Sequence[Item]) -> None:
        """Queue as many items as there is room for; never blocks."""
        with self._changed:
            room = 0 if self.closing.is_set() else self._room - len(self._waiting)
            self._waiting.extend(items[:room])
            lost = len(items) - min(room, len(items))
            self.dropped += lost
            self._changed.notify()
        if lost:
            self._log.warning("events dropped", sink=self.name, lost=lost, in_all=self.dropped)

    def close(self) -> None:
        """Carry the waiting items for a few seconds at most; report the rest."""
        self.finish()
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        with self._changed:
            left = len(self._waiting) + self._in_hand
            self.left = (*self._carried[len(self._carried) - self._in_hand :], *self._waiting)
            self._waiting.clear()
            self._in_hand = 0
            self.dropped += left
        if left:
            self._log.warning("not delivered in time", sink=self.name, lost=left)

    def finish(self) -> None:
        """Take no more items, and start the last few seconds; does not block."""
        with self._changed:
            if not self.closing.is_set():
                self._deadline = time.monotonic() + self._grace
                self.closing.set()
                self._changed.notify()

    def pause(self, seconds: float) -> None:
        """Wait in the sender's own thread; only briefly when closing."""
        if self.closing.wait(seconds):
            time.sleep(min(seconds, 0.1))

    def _work(self) -> None:
        while batch := self._take():
            try:
                self._carry(batch)
            except BaseException as error:  # a hook may raise anything, even SystemExit
                self._log.warning("sink fails", sink=self.name, reason=repr(error))
            self._in_hand = 0

    def _take(self) -> list[Item]:
        """The next items; none once all are carried and the sender closes."""
        with self._changed:
            while not self._waiting and not self.closing.is_set():
                self._changed.wait()
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            self._in_hand, self._carried = len(batch), batch
            return batch
