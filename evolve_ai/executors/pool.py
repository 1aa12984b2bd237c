"""Spreads work over several worker processes on this machine."""

import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from evolve_ai.executors.fork_server import begin, children
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.worker import work
from evolve_ai.model.errors import EvolveError

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 4  # tasks per worker that may be begun before their results are wanted
_GRACE = 5.0


class PoolExecutor:
    """Workers come from a fork server that has imported `preload` and nothing else of ours.

    A worker is replaced after `tasks_per_worker` tasks, so that memory does not grow. Only one map
    at a time; leaving it early kills the workers that are busy with it.
    """

    def __init__(self, workers: int, *, preload: Sequence[str] = (), tasks_per_worker: int = 500):
        self.workers = workers
        self._tasks_per_worker = tasks_per_worker
        self._idle: list[_Worker] = []
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
        busy: dict[Connection, tuple[_Worker, int]] = {}
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
            worker.end(_GRACE)

    def pids(self) -> tuple[int, ...]:
        """The idle workers' process ids."""
        return tuple(worker.pid for worker in self._idle)

    def _ordered(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[tuple[int, Task]],
        busy: dict[Connection, tuple["_Worker", int]],
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

    def _answers(self, busy: dict[Connection, tuple["_Worker", int]]) -> Iterator[tuple[int, Any]]:
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
                worker.end(_GRACE)
            yield at, result

    def _hire(self) -> "_Worker":
        while self._idle:
            worker = self._idle.pop()
            if worker.alive():
                return worker
            worker.kill()
        return _Worker(self._context)


class _Worker:
    """One worker process, seen from the parent."""

    def __init__(self, context: Any):
        self.connection, theirs = context.Pipe()
        self.tasks = 0
        self._process: BaseProcess = context.Process(target=work, args=(theirs,), daemon=True)
        begin(self._process)
        self.pid = self._process.pid or 0
        theirs.close()

    def give(self, function: Callable[[Task], Any], task: Task) -> None:
        self.tasks += 1
        try:
            self.connection.send_bytes(pickle.dumps((function, task)))
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._lost() from error

    def answer(self) -> tuple[bool, Any]:
        """(True, result), or (False, what the function raised)."""
        try:
            succeeded, value = pickle.loads(self.connection.recv_bytes())
        except (EOFError, ConnectionResetError) as error:
            raise self._lost() from error
        return succeeded, value

    def alive(self) -> bool:
        """False for a dead worker. An idle worker sends nothing, so a readable pipe means its end;
        the fork server reports the death only later."""
        return not self.connection.poll() and self._process.is_alive()

    def dismiss(self) -> None:
        with suppress(OSError):
            self.connection.send_bytes(b"")

    def end(self, grace: float) -> None:
        self._process.join(grace)
        self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()
        self._process.close()

    def _lost(self) -> EvolveError:
        self._process.join(_GRACE)
        code = self._process.exitcode
        cause = f"exit code {code}"
        if code is not None and code < 0:
            cause = signal.Signals(-code).name
        return EvolveError(
            f"worker process {self.pid} ended in the middle of its work ({cause})",
            todo="run again; if memory was short, use fewer workers: --workers 1",
        )


def open_executor(workers: int, preload: Sequence[str] = ()) -> InlineExecutor | PoolExecutor:
    """An executor with so many workers; 0 means one per core that we may use."""
    count = workers or len(os.sched_getaffinity(0))
    return InlineExecutor() if count == 1 else PoolExecutor(count, preload=preload)
