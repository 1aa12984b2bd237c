"""Spreads work over several worker processes on this machine."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from evolve_ai.executors.fork_server import children
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.worker import work
from evolve_ai.executors.worker_process import GRACE, WorkerProcess
from evolve_ai.system.machine import processors

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 4  # tasks per worker that may be begun before their results are wanted


class PoolExecutor:
    """Workers come from a fork server that has imported `preload` and nothing else of ours.

    A worker is replaced after `tasks_per_worker` tasks, so that memory does not grow. Only one map
    at a time; leaving it early kills the workers that are busy with it.
    """

    def __init__(self, workers: int, *, preload: Sequence[str] = (), tasks_per_worker: int = 500):
        self.workers = workers
        self._tasks_per_worker = tasks_per_worker
        self._idle: list[WorkerProcess] = []
        self._mapping = False
        self._context = children([work.__module__, *preload])

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Results in the order of the tasks; tasks are drawn as workers become free.

        Raises what the function raised, with the worker's traceback as a note, and EvolveError when
        a worker is killed.
        """
        if self._mapping:
            raise RuntimeError("this pool is busy with another map")
        self._mapping = True
        busy: dict[Connection, tuple[WorkerProcess, int]] = {}
        try:
            yield from self._ordered(function, enumerate(tasks), busy)
        finally:
            for worker, _ in busy.values():
                worker.kill()
            self._mapping = False

    def close(self) -> None:
        idle, self._idle = self._idle, []
        for worker in idle:
            worker.dismiss()
        for worker in idle:
            worker.end(GRACE)

    def pids(self) -> tuple[int, ...]:
        """The idle workers' process ids."""
        return tuple(worker.pid for worker in self._idle)

    def _ordered(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[tuple[int, Task]],
        busy: dict[Connection, tuple[WorkerProcess, int]],
    ) -> Iterator[Result]:
        done: dict[int, tuple[bool, Any]] = {}
        handed_on = 0
        more = True
        while more or busy or done:
            while more and len(busy) < self.workers and self._near(busy, done):
                task = next(tasks, None)
                more = task is not None
                if task is not None:
                    worker = self._hire()
                    busy[worker.connection] = (worker, task[0])
                    worker.give(function, task[1])
            if busy and handed_on not in done:
                done.update(self._answers(busy))
            while handed_on in done:
                succeeded, value = done.pop(handed_on)
                if not succeeded:
                    raise value
                yield value
                handed_on += 1

    def _near(self, busy: dict[Connection, Any], done: dict[int, Any]) -> bool:
        return len(busy) + len(done) < _AHEAD * self.workers

    def _answers(
        self, busy: dict[Connection, tuple[WorkerProcess, int]]
    ) -> Iterator[tuple[int, Any]]:
        """Wait until some workers have answered, which are then free again."""
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)
            worker, at = busy[connection]
            result = worker.answer()
            del busy[connection]
            if worker.tasks < self._tasks_per_worker:
                self._idle.append(worker)
            else:
                worker.dismiss()
                worker.end(GRACE)
            yield at, result

    def _hire(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive():
                return worker
            worker.kill()
        return WorkerProcess(self._context)


def open_executor(workers: int, preload: Sequence[str] = ()) -> InlineExecutor | PoolExecutor:
    """An executor with so many workers; 0 means one per core that we may use."""
    count = workers or processors()
    return InlineExecutor() if count == 1 else PoolExecutor(count, preload=preload)
