"""Runs jobs on this machine: each in a box of its own, as many at a time as there are slots."""

import os
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from evolve_ai.model.errors import EvolveError
from evolve_ai.model.job import Job, JobEnd, Outcome


class Slot(Protocol):
    """A place for one job at a time. It may raise OSError or EvolveError when the machine fails."""

    notes: set[str]

    def run(self, job: Job, cancelled: threading.Event) -> Outcome: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Entry:
    handle: str
    job: Job
    cancelled: threading.Event = field(default_factory=threading.Event)


class LocalRunner:
    """Its jobs do not outlive it: another process knows none of its handles."""

    name = "local"

    def __init__(
        self, slots: Sequence[Callable[[], Slot]], at_end: Callable[[], object] = lambda: None
    ):
        """Each function makes a slot, in the thread that uses it; `at_end` is called last."""
        self._at_end = at_end
        self._made: list[Slot] = []
        self._waiting: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._ended: queue.SimpleQueue[tuple[str, Outcome]] = queue.SimpleQueue()
        self._entries: dict[str, _Entry] = {}  # those that wait, run, or have an unread outcome
        self._count = 0
        self._idle = len(slots)
        self._changed = threading.Condition()
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._work, args=(slot,), daemon=True, name=f"slot {number}")
            for number, slot in enumerate(slots)
        ]
        for thread in self._threads:
            thread.start()

    def slots(self) -> int:
        return len(self._threads)

    def submit(self, job: Job) -> str:
        self._count += 1
        entry = _Entry(f"local-{os.getpid()}-{self._count}", job)
        self._entries[entry.handle] = entry
        self._waiting.put(entry)
        return entry.handle

    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]:
        found: list[tuple[str, Outcome]] = []
        try:
            found.append(self._ended.get(timeout=max(0.0, seconds)))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        for handle, _ in found:
            del self._entries[handle]
        return found

    def known(self, handles: Iterable[str]) -> frozenset[str]:
        return frozenset(handle for handle in handles if handle in self._entries)

    def notes(self) -> frozenset[str]:
        """Why functions of evaluators are not kept in memory, if any are not."""
        return frozenset(note for slot in self._made for note in slot.notes)

    def cancel(self, handle: str) -> None:
        if entry := self._entries.get(handle):
            entry.cancelled.set()

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for entry in self._entries.values():
            entry.cancelled.set()
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._at_end()

    def _work(self, make: Callable[[], Slot]) -> None:
        slot: Slot | None = None
        while (entry := self._waiting.get()) is not None:
            try:
                if slot is None:
                    slot = make()
                    self._made.append(slot)
                outcome = self._outcome(slot, entry)
            except EvolveError as error:
                where = f"{error.where}: " if error.where else ""
                outcome = Outcome(JobEnd.MACHINE, reason=where + error.what)
            except Exception as error:  # whatever fails here is not the job's fault
                outcome = Outcome(JobEnd.MACHINE, reason=f"{type(error).__name__}: {error}")
            self._ended.put((entry.handle, outcome))
        if slot is not None:
            slot.close()

    def _outcome(self, slot: Slot, entry: _Entry) -> Outcome:
        if image := entry.job.needs.image:
            return Outcome(JobEnd.MACHINE, reason=f"it needs the image {image}: no containers here")
        with self._cores(entry.job.needs.cores):
            if not entry.cancelled.is_set():
                outcome = slot.run(entry.job, entry.cancelled)
                if not entry.cancelled.is_set():
                    return outcome
        return Outcome(JobEnd.CANCELLED, reason="cancelled")

    @contextmanager
    def _cores(self, wanted: int) -> Iterator[None]:
        """A job that needs several cores keeps as many slots idle, up to all of them."""
        count = max(1, min(wanted, len(self._threads)))
        with self._changed:
            self._changed.wait_for(lambda: self._idle >= count)
            self._idle -= count
        try:
            yield
        finally:
            with self._changed:
                self._idle += count
                self._changed.notify_all()
