"""One worker process, seen from its parent: gets tasks, gives answers."""

import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from evolve_ai.executors.fork_server import begin
from evolve_ai.executors.worker import work
from evolve_ai.model.errors import EvolveError

Task = TypeVar("Task")

GRACE = 5.0  # seconds that a worker has to end


class WorkerProcess:
    """It does its tasks one after another; `context` is that of fork_server.children."""

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
        self._process.join(GRACE)
        code = self._process.exitcode
        cause = f"exit code {code}"
        if code is not None and code < 0:
            cause = signal.Signals(-code).name
        return EvolveError(
            f"worker process {self.pid} ended in the middle of its work ({cause})",
            todo="run again; if memory was short, use fewer workers: --workers 1",
        )
