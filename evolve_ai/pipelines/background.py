"""Owns building in the background: what needs the compiler is built in a thread of its own."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Builder, Onlooker, Progress
from evolve_ai.model.report import BuildRequest, BuildVerdict, Program
from evolve_ai.system.commands import cancelled_by


class BackgroundBuilder:
    """A builder that nobody waits for. Satisfies contracts.substrate.Builder, but for one thing:

    `build` answers only what needs no compiler, or has been compiled already; the rest is begun,
    and whoever asks again after `finished` has named the agent gets its verdict. No builder is
    ever used by two threads at once. Close it: a build under way is cancelled.
    """

    def __init__(self, builder: Builder, onlooker: Callable[[], Onlooker]):
        self._builder = builder  # while a build is under way, the thread's alone
        self._open_onlooker = onlooker
        self._looker: Builder | Onlooker = builder  # answers what is there already
        self._threads = ThreadPoolExecutor(1, "build")
        self._cancel = threading.Event()
        self._under_way: Future[tuple[BuildVerdict, ...]] | None = None
        self._begun: Mapping[str, str] = {}  # agent -> fingerprint
        self._waiting: dict[str, BuildRequest] = {}  # by agent: what it asked for last
        self._verdicts: Mapping[str, BuildVerdict] = {}  # of the last build, by fingerprint
        self._failure: Exception | None = None

    @property
    def idle(self) -> bool:
        return self._under_way is None

    def ready(self, requests: Sequence[BuildRequest]) -> Mapping[str, Program]:
        return self._looker.ready(requests)

    def prune(self, needed: Sequence[BuildRequest], running: Iterable[Path]) -> int:
        return self._builder.prune(needed, running) if self.idle else 0

    def build(
        self, requests: Sequence[BuildRequest], progress: Progress | None = None
    ) -> tuple[BuildVerdict, ...]:
        """Verdicts of some of these requests, in order."""
        told, self._verdicts = self._verdicts, {}
        programs = self.ready(requests)
        verdicts = []
        for request in requests:
            fingerprint = request.fingerprint
            if fingerprint in told:
                verdicts.append(replace(told[fingerprint], agent=request.agent))
            elif (program := programs.get(fingerprint)) is not None:
                verdicts.append(BuildVerdict(request.agent, fingerprint, program, reused=True))
            elif self._begun.get(request.agent) != fingerprint:
                self._waiting[request.agent] = request
        self._begin()
        return tuple(verdicts)

    def _begin(self) -> None:
        if not self.idle or not self._waiting or self._failure is not None:
            return
        self._looker = self._open_onlooker()
        requests, self._waiting = tuple(self._waiting.values()), {}
        self._begun = {request.agent: request.fingerprint for request in requests}
        self._under_way = self._threads.submit(self._work, requests)

    def _work(self, requests: tuple[BuildRequest, ...]) -> tuple[BuildVerdict, ...]:
        with cancelled_by(self._cancel):
            return self._builder.build(requests)

    def finished(self) -> frozenset[str]:
        """Who should ask again, since a build has ended; told once. Never waits."""
        if self._under_way is None or not self._under_way.done():
            return frozenset()
        done, self._under_way, self._looker = self._under_way, None, self._builder
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
