"""Builds in the background, in a thread, so that no cycle waits for the compiler."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Builder, Progress, ReadOnlyBuilder, Trier
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.system.commands import cancelled_by

# The result of a trial: verdicts, or the exception that it raised.
Tried = tuple[BuildVerdict, ...] | Exception


class BackgroundBuilder:
    """A builder that does not block. Satisfies contracts.substrate.Builder with one exception:

    `build` answers only requests that need no compiler or are compiled already. The others are
    started; once `finished` names an agent, asking again gives its verdict. `prune` is started,
    too; if the builder is busy, it is put off until before the next build. Only one thread at a
    time uses a builder. close() cancels what is under way.
    """

    def __init__(self, builder: Trier, read_only_builder: Callable[[], ReadOnlyBuilder]):
        self._builder = builder  # only the thread uses it while a build is under way
        self._open_read_only_builder = read_only_builder
        self._looker: Builder | ReadOnlyBuilder = builder  # answers what is stored already
        self._threads = ThreadPoolExecutor(1, "build")
        self._cancel = threading.Event()
        self._under_way: Future[tuple[BuildVerdict, ...]] | None = None
        self._begun: Mapping[str, str] = {}  # agent -> fingerprint
        self._waiting: dict[str, BuildRequest] = {}  # the latest request of each agent
        self._verdicts: Mapping[str, BuildVerdict] = {}  # of the last build, by fingerprint
        self._failure: Exception | None = None
        self._put_off = False  # whether a prune must be repeated
        self._to_forget: list[BuildRequest] = []  # once the thread is idle
        self._kept: frozenset[Path] | None = None  # files that a prune under way spares
        self._to_try: tuple[BuildRequest, ...] = ()  # once the thread is idle
        self._trying: tuple[BuildRequest, ...] = ()
        self._tried: tuple[tuple[BuildRequest, ...], Tried] | None = None  # the last trial

    @property
    def idle(self) -> bool:
        return self._under_way is None

    @property
    def prune_due(self) -> bool:
        """True if a prune was put off and can be done now."""
        return self._put_off and self.idle

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        """The programs that can be started now and that no prune under way removes."""
        found = self._looker.ready(requests)
        if self._kept is None:
            return found
        return {one: program for one, program in found.items() if program.file in self._kept}

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        """Start or put off. The programs that it spares stay ready; after it, call ready() anew."""
        self._put_off = not self.idle
        if self._put_off or self._failure is not None:
            return 0
        looker = self._looker = self._open_read_only_builder()
        # Agents are started meanwhile, so this prune must spare what is ready now.
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
        """The result of a trial; None while it is not finished: then ask again. Raises what the
        trial raised."""
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
        except Exception as error:  # reported to whoever asked for the trial, not as a failed build
            found = error
        self._tried = (requests, found)
        return ()

    def forget(self, requests: Sequence[BuildRequest]) -> None:
        """Forget these now, or once the thread is idle."""
        self._to_forget += requests
        self._forget()

    def _forget(self) -> None:
        if self.idle and self._to_forget:
            requests, self._to_forget = self._to_forget, []
            self._builder.forget(requests)

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        """Verdicts of those requests that need no waiting, in order."""
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
        """The verdict, or None. The store has the program; the last build says if it was reused."""
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
        """The agents that should ask again because a build has ended; named once. Never blocks.

        The verdicts of that build are kept until the next call.
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
        """Raise the exception of a build in the background: our failure, not an agent's."""
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._cancel.set()
        self._threads.shutdown(cancel_futures=True)
