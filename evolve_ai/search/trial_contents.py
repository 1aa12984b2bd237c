"""Holds the files of trials while they run: runners ask for them from threads of their own."""

from collections.abc import Callable, Mapping
from threading import Lock

from evolve_ai.model.job import Job
from evolve_ai.state.search import SearchRegistry

_KEPT = 4096  # contents of candidates that stay


class TrialContents:
    """`fixed` are the files of the task, by SHA-256; those of candidates come with their jobs."""

    def __init__(self, fixed: Mapping[str, bytes], registry: SearchRegistry | None = None):
        self._fixed = fixed
        self._registry = registry
        self._held: dict[str, bytes] = {}
        self._lock = Lock()

    def hold(self, job: Job, known: Callable[[str], bytes | None]) -> None:
        """Before a job is submitted, in the thread that has the registry. `known` has the files of
        candidates that are not on record yet."""
        for path in job.changed:
            code = job.files[path]
            if code in self._fixed or code in self._held:
                continue
            data = known(code)
            if data is None:
                assert self._registry is not None
                data = self._registry.content(code)
            with self._lock:
                while len(self._held) >= _KEPT:
                    self._held.pop(next(iter(self._held)))
                self._held[code] = data

    def __call__(self, code: str) -> bytes:
        """KeyError for a content that no job has brought."""
        data = self._fixed.get(code)
        if data is None:
            with self._lock:
                data = self._held[code]
        return data
