"""Compiles the programs of jobs before another runner runs them: as many together as wait."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

from evolve_ai.contracts.program_builder import Built, ProgramBuilder
from evolve_ai.contracts.runner import Content, Runner
from evolve_ai.model.candidate import program_digest
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.job import BINARY, Job, JobEnd, Outcome
from evolve_ai.model.trial import Cause, Fault

_KEPT = 256 * 1024 * 1024  # bytes of programs that stay in memory
_PAUSE = 0.02  # seconds between looks at both sources of outcomes


class Programs:
    """What was compiled, by the digest of the program; the ones used last stay in memory."""

    def __init__(self, content: Content, most: int = _KEPT):
        self._content, self._most, self._bytes = content, most, 0
        self._kept: OrderedDict[str, Built | Fault] = OrderedDict()
        self._by_code: dict[str, Built] = {}
        self._used: dict[str, int] = {}  # by code: jobs under way
        self._lock = threading.Lock()

    def __call__(self, code: str) -> bytes:
        """The content with this SHA-256: a program, or what another one has."""
        with self._lock:
            built = self._by_code.get(code)
        return built.data if built is not None else self._content(code)

    def get(self, digest: str) -> Built | Fault | None:
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
            return found

    def keep(self, digest: str, found: Built | Fault) -> None:
        with self._lock:
            self._kept[digest] = found
            if isinstance(found, Built) and found.code not in self._by_code:
                self._by_code[found.code] = found
                self._bytes += len(found.data)
            for old in list(self._kept) if self._bytes > self._most else ():
                one = self._kept[old]
                if isinstance(one, Built) and old != digest and not self._used.get(one.code):
                    del self._kept[old]
                    if self._by_code.pop(one.code, None) is not None:
                        self._bytes -= len(one.data)
                if self._bytes <= self._most:
                    break

    def use(self, code: str, count: int) -> None:
        """Jobs that need this program begin (1) or end (-1)."""
        with self._lock:
            self._used[code] = self._used.get(code, 0) + count
            if self._used[code] <= 0:
                del self._used[code]


class BuildingRunner:
    """Satisfies contracts.runner.Runner. `inner` gets its contents from `programs`."""

    name = "building"

    def __init__(self, inner: Runner, builder: ProgramBuilder, programs: Programs):
        self._inner, self._builder, self._programs = inner, builder, programs
        self._waiting: SimpleQueue[tuple[str, Job] | None] = SimpleQueue()
        self._ready: SimpleQueue[tuple[str, Job | Outcome]] = SimpleQueue()
        self._own: dict[str, str] = {}  # handle of the inner one -> ours
        self._inside: dict[str, str] = {}
        self._code: dict[str, str] = {}  # ours -> the program
        self._pending: set[str] = set()
        self._cancelled: set[str] = set()
        self._count, self._is_closed = 0, False
        self._thread = threading.Thread(target=self._work, name="builder", daemon=True)
        self._thread.start()

    def slots(self) -> int:
        """As many as can be compiled together: the others wait inside."""
        return max(self._inner.slots(), self._builder.most)

    def submit(self, job: Job) -> str:
        self._count += 1
        handle = f"building-{self._count}"
        if not job.built:
            self._pass_on(handle, job)
            return handle
        known = self._programs.get(_digest(job))
        self._pending.add(handle)
        if known is None:
            self._waiting.put((handle, job))
        else:
            self._ready.put((handle, self._with_program(job, known)))
        return handle

    def done(self, seconds: float) -> Sequence[tuple[str, Outcome]]:
        found: list[tuple[str, Outcome]] = []
        until = time.monotonic() + seconds
        while True:
            found += self._collected()
            left = max(0.0, until - time.monotonic())
            wait = 0.0 if found else min(left, _PAUSE if self._pending else left)
            for inside, outcome in self._inner.done(wait):
                handle = self._own.pop(inside)
                del self._inside[handle]
                if code := self._code.pop(handle, ""):
                    self._programs.use(code, -1)
                found.append((handle, outcome))
            if found or left <= 0:
                return found

    def known(self, handles: Iterable[str]) -> frozenset[str]:
        return frozenset(one for one in handles if one in self._pending or one in self._inside)

    def cancel(self, handle: str) -> None:
        if handle in self._inside:
            self._inner.cancel(self._inside[handle])
        elif handle in self._pending:
            self._cancelled.add(handle)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._waiting.put(None)
        self._thread.join()
        self._inner.close()

    def _collected(self) -> list[tuple[str, Outcome]]:
        """Of what was compiled: what failed there. The rest goes on to the inner one."""
        found: list[tuple[str, Outcome]] = []
        with suppress(Empty):
            while True:
                handle, made = self._ready.get_nowait()
                self._pending.discard(handle)
                if handle in self._cancelled:
                    self._cancelled.discard(handle)
                    made = Outcome(JobEnd.CANCELLED, reason="cancelled")
                if isinstance(made, Outcome):
                    found.append((handle, made))
                else:
                    self._pass_on(handle, made)
        return found

    def _pass_on(self, handle: str, job: Job) -> None:
        inside = self._inner.submit(job)
        self._own[inside], self._inside[handle] = handle, inside
        if BINARY in job.files:
            self._code[handle] = job.files[BINARY]
            self._programs.use(job.files[BINARY], 1)

    # In the thread.

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            jobs = [first]
            with suppress(Empty):
                while len({_digest(job) for _, job in jobs}) < self._builder.most:
                    more = self._waiting.get_nowait()
                    if more is None:
                        return
                    jobs.append(more)
            if self._is_closed:
                return
            self._build(jobs)

    def _build(self, jobs: Sequence[tuple[str, Job]]) -> None:
        try:
            for digest, one in self._compiled([job for _, job in jobs]).items():
                self._programs.keep(digest, one)
                for handle, job in jobs:
                    if _digest(job) == digest:
                        self._ready.put((handle, self._with_program(job, one)))
        except EvolveError as error:
            self._fail(jobs, error.what)
        except Exception as error:  # whatever fails here is not the programs' fault
            self._fail(jobs, f"{type(error).__name__}: {error}")

    def _compiled(self, jobs: Sequence[Job]) -> dict[str, Built | Fault]:
        wanted = {_digest(job): job for job in jobs}
        programs = [
            {path: self._programs(job.files[path]) for path in job.changed}
            for job in wanted.values()
        ]
        return dict(zip(wanted, self._builder.build(programs), strict=True))

    def _fail(self, jobs: Sequence[tuple[str, Job]], reason: str) -> None:
        for handle, _ in jobs:
            self._ready.put((handle, Outcome(JobEnd.MACHINE, reason=reason)))

    def _with_program(self, job: Job, found: Built | Fault) -> Job | Outcome:
        if isinstance(found, Fault):
            return failed_build(job, found)
        files = {**job.files, BINARY: found.code}
        return replace(job, files=files, changed=job.changed | {BINARY})


def _digest(job: Job) -> str:
    return program_digest({path: job.files[path] for path in job.changed})


def failed_build(job: Job, fault: Fault) -> Outcome:
    """As of an evaluator that says so."""
    told = "\n".join(fault.artifacts.values()).encode()
    if fault.cause is Cause.TIMEOUT:
        return Outcome(JobEnd.SECONDS, stderr=told, reason=fault.reason)
    body = json.dumps({"evolve_fault": fault.cause, "reason": fault.reason}).encode()
    return Outcome(JobEnd.EXITED, stderr=told, files=dict.fromkeys(job.collect[:1], body))
