"""Builds in the background: what needs the compiler has a thread of its own."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Builder, Progress, ReadOnlyBuilder, Trier
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.system.commands import cancelled_by

# What became of a trial: verdicts, or what it has raised.
Tried = tuple[BuildVerdict, ...] | Exception


class BackgroundBuilder:
    """A builder that nobody waits for. Satisfies contracts.substrate.Builder, but for one thing:

    `build` answers only what needs no compiler, or has been compiled already; the rest is begun,
    and whoever asks again after `finished` has named the agent gets its verdict. `prune` is begun
    too; one that comes while the builder is busy is put off, and due before the next build. No
    builder is ever used by two threads at once. Close it: what is under way is cancelled.
    """

    def __init__(self, builder: Trier, read_only_builder: Callable[[], ReadOnlyBuilder]):
        self._builder = builder  # while a build is under way, the thread's alone
        self._open_read_only_builder = read_only_builder
        self._looker: Builder | ReadOnlyBuilder = builder  # answers what is there already
        self._threads = ThreadPoolExecutor(1, "build")
        self._cancel = threading.Event()
        self._under_way: Future[tuple[BuildVerdict, ...]] | None = None
        self._begun: Mapping[str, str] = {}  # agent -> fingerprint
        self._waiting: dict[str, BuildRequest] = {}  # by agent: what it asked for last
        self._verdicts: Mapping[str, BuildVerdict] = {}  # of the last build, by fingerprint
        self._failure: Exception | None = None
        self._put_off = False  # a prune, until it is asked for again
        self._to_forget: list[BuildRequest] = []  # when what is under way is over
        self._kept: frozenset[Path] | None = None  # what a prune under way leaves where it is
        self._to_try: tuple[BuildRequest, ...] = ()  # when what is under way is over
        self._trying: tuple[BuildRequest, ...] = ()
        self._tried: tuple[tuple[BuildRequest, ...], Tried] | None = None  # by the last trial

    @property
    def idle(self) -> bool:
        return self._under_way is None

    @property
    def prune_due(self) -> bool:
        """A prune was put off, and nothing is in its way any more."""
        return self._put_off and self.idle

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        """What can be started now, and will be there when it is."""
        found = self._looker.ready(requests)
        if self._kept is None:
            return found
        return {one: program for one, program in found.items() if program.file in self._kept}

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        """Begun, or put off. Programs stay where they are; ask ready() anew before the next."""
        self._put_off = not self.idle
        if self._put_off or self._failure is not None:
            return 0
        looker = self._looker = self._open_read_only_builder()
        # Meanwhile agents start: what is ready now must outlast this prune.
        ready = {program.file for program in looker.ready(needed).values()}
        kept = self._kept = frozenset(running) | ready
        self._under_way = self._threads.submit(self._prune, needed, kept)
        return 0

    def _prune(
        self, needed: Sequence[BuildRequest], kept: frozenset[Path]
    ) -> tuple[BuildVerdict, ...]:
        with cancelled_by(self._cancel):
            self._builder.prune(needed, kept)
        return ()

    def trial_beside(self, requests: Sequence[BuildRequest]) -> Sequence[BuildVerdict] | None:
        """What a trial comes to, or None: then it is begun, or will be, and is to be asked for
        again. Raises what it has raised."""
        asked = tuple(requests)
        if self._tried is None or self._tried[0] != asked:
            if self._trying != asked:
                self._to_try = asked
                self._begin_trial()
            return None
        found, self._tried = self._tried[1], None
        if isinstance(found, Exception):
            raise found
        return found

    def _begin_trial(self) -> None:
        if self._to_try and self.idle and self._failure is None:
            self._looker = self._open_read_only_builder()
            self._trying, self._to_try = self._to_try, ()
            self._under_way = self._threads.submit(self._try, self._trying)

    def _try(self, requests: tuple[BuildRequest, ...]) -> tuple[BuildVerdict, ...]:
        found: Tried
        try:
            with cancelled_by(self._cancel):
                found = self._builder.trial(requests)
        except Exception as error:  # no failure of a build: whoever has asked is told
            found = error
        self._tried = (requests, found)
        return ()

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        """At once, or when what is under way is over."""
        self._to_forget += requests
        self._forget()

    def _forget(self) -> None:
        if self.idle and self._to_forget:
            requests, self._to_forget = self._to_forget, []
            self._builder.forget(requests)

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        """Verdicts of some of these requests, in order."""
        programs = self.ready(requests)
        verdicts = []
        for request in requests:
            verdict = self._verdict(request, programs.get(request.fingerprint))
            if verdict is not None:
                verdicts.append(verdict)
            elif self._begun.get(request.agent) != request.fingerprint:
                self._waiting[request.agent] = request
        self._begin()
        return tuple(verdicts)

    def _verdict(self, request: BuildRequest, program: Program | None) -> BuildVerdict | None:
        """Where a program is only the store knows; how it came about, the build that made it."""
        told = self._verdicts.get(request.fingerprint)
        if program is not None:
            reused = told is None or told.reused
            return BuildVerdict(request.agent, request.fingerprint, program, reused=reused)
        if told is not None and told.program is None:
            return replace(told, agent=request.agent)
        return None

    def _begin(self) -> None:
        if not self.idle or not self._waiting or self._put_off or self._failure is not None:
            return
        self._looker = self._open_read_only_builder()
        requests, self._waiting = tuple(self._waiting.values()), {}
        self._begun = {request.agent: request.fingerprint for request in requests}
        self._under_way = self._threads.submit(self._work, requests)

    def _work(self, requests: tuple[BuildRequest, ...]) -> tuple[BuildVerdict, ...]:
        with cancelled_by(self._cancel):
            return self._builder.build(requests)

    def finished(self) -> frozenset[str]:
        """Who should ask again, since a build has ended; told once. Never waits.

        Its verdicts are kept until this is asked the next time.
        """
        self._verdicts = {}
        if self._under_way is None or not self._under_way.done():
            return frozenset()
        done, self._under_way, self._looker = self._under_way, None, self._builder
        self._kept, self._trying = None, ()
        self._forget()
        self._begin_trial()
        agents = frozenset((*self._begun, *self._waiting))
        self._begun, self._waiting = {}, {}
        try:
            self._verdicts = {verdict.fingerprint: verdict for verdict in done.result()}
        except Exception as error:
            self._failure = error
            return frozenset()
        return agents

    def check(self) -> None:
        """Raise what a build in the background has raised: a failure of ours, not of an agent."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._cancel.set()
        self._threads.shutdown(cancel_futures=True)
