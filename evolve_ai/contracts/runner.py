"""The contract of a runner: where jobs run."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from evolve_ai.model.job import Job, Outcome

# The bytes with this SHA-256.
Content = Callable[[str], bytes]


class Runner(Protocol):
    name: str

    # How many jobs run at the same time.
    def slots(self) -> int: ...

    # Start a job, or queue it; returns a handle that another process may ask about.
    def submit(self, job: Job) -> str: ...

    # Jobs that have ended since, each once: waits up to so many seconds for the first.
    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]: ...

    # Those of these handles (perhaps of an earlier process) that still run or have an outcome.
    def known(self, handles: Iterable[str]) -> frozenset[str]: ...

    # End a job; its outcome is CANCELLED.
    def cancel(self, handle: str) -> None: ...

    # End all jobs that do not outlive us. Safe to call twice.
    def close(self) -> None: ...
