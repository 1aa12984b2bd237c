"""Removes the folders of dead agents in the background, so that no cycle waits for the disk.

As many as have died in a cycle are kept aside, to become the folders of the next children.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from evolve_ai.executors.chunks import chunked
from evolve_ai.executors.fork_server import children
from evolve_ai.executors.worker import work
from evolve_ai.executors.worker_process import WorkerProcess
from evolve_ai.model.errors import EvolveError
from evolve_ai.state.registry import Registry
from evolve_ai.system.removal import ASIDE, RemovalTask, remove_folders, remove_in_background

MOST = 2000  # folders that wait to be removed; whoever adds more waits until no more are left
GRACE = 5.0  # seconds for the rest, at the end of a run
_SILENCE = 60.0  # seconds that one order may take before its process counts as stuck
_AN_ORDER = 50  # folders
_SPARE = 100  # folders that are kept aside, at least, if so many have died


class BackgroundRemoval:
    """Gives orders to a process of its own, which is started for the first of them.

    In a thread, removal would take as much time from the cycle as it takes itself: it needs the
    interpreter between any two calls of the system. If the process is lost, or cannot be started,
    its orders are carried out here. What an end or a kill leaves, the next run removes.
    """

    def __init__(self, agents: Path):
        self._agents = agents
        self._orders: deque[RemovalTask] = deque()  # not carried out yet, as far as is known
        self._spare: list[str] = []  # folders aside that are to be kept, the latest last
        self._worker: WorkerProcess | None = None
        self._context = children([work.__module__, remove_in_background.__module__])

    @property
    def waiting(self) -> int:
        """The number of folders that are not known to be removed."""
        return sum(len(order.dead) for order in self._orders)

    def remove(self, dead: Sequence[str]) -> None:
        """Begin to remove the folders of these agents. Blocks only while more than MOST wait."""
        self._spare = [*self._spare, *dead][-max(len(dead), _SPARE) :]
        for chunk in chunked(dead, _AN_ORDER):
            self._give(RemovalTask(self._agents, chunk, frozenset(self._spare)))
        self.wait(MOST)

    def take(self, count: int) -> tuple[str, ...]:
        """Names of at most so many folders aside, which whoever asks may use up."""
        self._hear()
        not_yet = {agent for order in self._orders for agent in order.dead}
        found = tuple(agent for agent in self._spare if agent not in not_yet)[:count]
        self._spare = [agent for agent in self._spare if agent not in found]
        return found

    def remove_all(self) -> None:
        """Remove what is kept aside, too, and wait until nothing is left."""
        self._drop_spare()
        self._work_while(lambda: bool(self._orders))

    @property
    def holds(self) -> bool:
        """True if there may be folders of the dead."""
        return bool(self._orders or self._spare)

    def go_on(self, registry: Registry) -> None:
        """Begin to remove what an earlier run left: folders of agents that are dead on record.
        Unknown folders are left alone."""
        living = {str(id) for (id,) in registry.rows(["id"])}
        strangers = [f.name for f in self._agents.iterdir() if f.name not in living]
        dead = [name for name in strangers if registry.knows(name)]
        if ASIDE in strangers and not dead:
            self._give(RemovalTask(self._agents, ()))
        self.remove(dead)

    def wait(self, most: int = 0) -> None:
        """Until no more than so many folders wait."""
        self._hear()
        self._work_while(lambda: self.waiting > most)

    def finish(self, seconds: float = GRACE) -> None:
        """Wait until all is removed, so many seconds at most."""
        self._drop_spare()
        deadline = time.monotonic() + seconds
        while self._orders and (left := deadline - time.monotonic()) > 0:
            self._hear(left)

    def close(self) -> None:
        """End the process at once, and leave the rest to the next run."""
        self._orders.clear()
        self._end()

    def _drop_spare(self) -> None:
        if self._spare:
            self._spare = []
            self._give(RemovalTask(self._agents, ()))

    def _give(self, order: RemovalTask) -> None:
        self._orders.append(order)
        try:
            if self._worker is None:
                self._worker = WorkerProcess(self._context)
            self._worker.give(remove_in_background, order)
        except (EvolveError, EOFError, OSError):
            self._do_it_here()

    def _hear(self, seconds: float = 0.0) -> bool:
        """Take the answers that are there, or wait so long for one; False if there is none."""
        heard = False
        while self._orders and self._worker is not None:
            if not self._worker.connection.poll(0.0 if heard else seconds):
                break
            heard = True
            try:
                succeeded, error = self._worker.answer()
            except EvolveError:
                self._do_it_here()
                break
            self._orders.popleft()
            if not succeeded:
                raise error
        return heard

    def _work_while(self, there_is_some: Callable[[], bool]) -> None:
        while there_is_some():
            if not self._hear(_SILENCE):
                self._do_it_here()

    def _do_it_here(self) -> None:
        self._end()
        while self._orders:
            remove_folders(self._orders.popleft())

    def _end(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
