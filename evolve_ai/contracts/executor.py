"""The contract of an executor: a way to spread chunks over workers."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(Protocol):
    workers: int

    # Apply a module-level function to each task; results in the order of the tasks.
    def map(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]: ...

    # End the workers. Safe to call twice.
    def close(self) -> None: ...
