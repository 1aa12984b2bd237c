"""Kills colony processes that something has stopped (SIGSTOP): whoever waits for such a process,
or writes to it, would block for ever."""

import signal
import threading
from collections.abc import Callable, Iterable

from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.listing import is_stopped
from evolve_ai.system.processes import signal_one

_LOOK_SECONDS = 1.0
_LOOKS = 10  # looks in a row that find it stopped; not seconds, since we may be stopped ourselves


class Watchdog:
    """Watches these processes in its own thread until close()."""

    def __init__(self, pids: Callable[[], Iterable[int]]):
        self._pids = pids
        self._seen: dict[Identity, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Safe to call twice."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            stopped = [one for pid in self._pids() if (one := _stopped(pid)) is not None]
            self._seen = {one: self._seen.get(one, 0) + 1 for one in stopped}
            for one, looks in self._seen.items():
                if looks >= _LOOKS:
                    signal_one(one, signal.SIGKILL)


def _stopped(pid: int) -> Identity | None:
    found = identify(pid)
    return found if is_stopped(pid) else None
