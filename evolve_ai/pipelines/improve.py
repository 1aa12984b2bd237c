"""The main loop of a search: hear commands, commit, ask, run trials, take their results."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Self

from evolve_ai.contracts.runner import Runner
from evolve_ai.model.candidate import Sources
from evolve_ai.model.errors import EvolveError, MachineError
from evolve_ai.model.event import Event, Kind, Recorded
from evolve_ai.model.job import JobEnd, Outcome
from evolve_ai.model.trial import Undecided
from evolve_ai.operator.search_commands import SearchInbox
from evolve_ai.search.commit import Step, taint_event
from evolve_ai.search.search import Search
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.session.same_task import SameTask
from evolve_ai.session.search_project import OpenSearch
from evolve_ai.state.search import Committed
from evolve_ai.state.search_reader import TrialKey
from evolve_ai.system.files import check_room
from evolve_ai.system.project import Folders

_WAIT = 0.1  # seconds for a trial to end, until commands are heard
_DELIVER = 0.25  # seconds between two deliveries of events
_QUEUED = 2  # trials that wait for a slot, so that none is idle
_THREADS = 8  # for proposers that take their time
_WALL = (JobEnd.SECONDS, JobEnd.SILENCE)

Watch = Callable[[Step], None]
# Called while nothing else happens, with the seconds since the run began.
Idle = Callable[["Improver"], None]


class Improver:
    """A run of a search. `stop` ends it from another thread or a signal handler."""

    def __init__(self, opened: OpenSearch, runner: Runner, contents: TrialContents):
        self.opened, self._runner, self._contents = opened, runner, contents
        self._registry, self._task = opened.registry, opened.found.task
        self._same = SameTask(opened.root, opened.found)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="proposer")
        self._events: list[Recorded] = []
        self._delivered = time.monotonic()
        self.search = Search(
            opened.parts, opened.registry, opened.run, self._events.extend, self._threads
        )
        self._inbox = SearchInbox(opened, self.search)
        self._running: dict[str, TrialKey] = {}
        self._tries: Counter[TrialKey] = Counter()
        self._is_stopped = False
        self.begun = time.monotonic()
        self.notes = opened.notes  # for the user

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._running:
            self._runner.cancel(handle)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._deliver(last=True)

    def stop(self) -> None:
        self._is_stopped = True

    def improve(
        self,
        candidates: int = 0,
        seconds: float = 0.0,
        watch: Watch | None = None,
        idle: Idle | None = None,
    ) -> str:
        """Search until a limit is reached (0: none of that kind), and say which.

        Raises NoScoreError or ToolchainError where the initial program has no score, MachineError
        where trials cannot be run, StorageError where the disk is full. Whatever ends it, the same
        call goes on from here, and why it ended is on record.
        """
        self._registry.keep_stopped("")
        try:
            reason = self._improve(candidates, seconds, watch, idle)
        except EvolveError as error:
            with suppress(EvolveError):  # a full disk ends it and keeps nothing
                if self._same.moved() is None:
                    self._registry.keep_stopped(error.what)
            raise
        finally:
            if idle is not None:
                idle(self)  # what was noted last is told, too
        self._registry.keep_stopped(reason)
        return reason

    def _improve(
        self, candidates: int, seconds: float, watch: Watch | None, idle: Idle | None
    ) -> str:
        self.begun = time.monotonic()
        self.search.limit = candidates
        self._note_begin()
        self.search.begin()
        while True:
            self.notes += self._inbox.obey()
            for step in self.search.commit():
                if watch is not None:
                    watch(step)
            reason = self._over(candidates, seconds)
            self._note_edits(last=bool(reason))
            if reason:
                return reason
            self.search.collect_answers()
            self._start()
            for handle, outcome in self._runner.done(_WAIT):
                self._take(handle, outcome)
            self._deliver()
            self.notes += self.opened.copies.keep(self._registry)
            if idle is not None:
                idle(self)

    def best_sources(self) -> Sources:
        """The files of the best program so far."""
        champion = self.search.champion
        return {} if champion is None else self.search.members.of(champion.number).sources

    def _over(self, candidates: int, seconds: float) -> str:
        champion, target = self.search.champion, self._task.budget.target
        sign = self._task.score.signs[0]
        if self._is_stopped:
            return "stopped"
        if candidates and self.search.committed >= candidates:
            return f"{candidates} candidates"
        if seconds and time.monotonic() - self.begun >= seconds:
            return f"{seconds:g} seconds"
        if target is not None and champion and champion.score.value >= sign * target:
            return f"the target {target:g} is reached"
        return ""

    def _start(self) -> None:
        if self._inbox.paused:
            return
        trials = self.search.trials.next()
        while len(self._running) < self._runner.slots() + _QUEUED:
            found = next(trials, None)
            if found is None:
                return
            key, genome = found
            evaluator = self.opened.parts.evaluator
            job = evaluator.job(key.subject, genome, key.stage, key.seed, key.repeat)
            job = replace(job, title=f"{key.number}: {job.title}")
            self._contents.hold(job, self.search.trials.content)
            self._running[self._runner.submit(job)] = key

    def _take(self, handle: str, outcome: Outcome) -> None:
        self._same.check()  # before anybody is charged
        key = self._running.pop(handle)
        found = self.opened.parts.evaluator.read(outcome)
        if isinstance(found, Undecided):
            self._try_again(key, found)
            return
        taint = ""
        if outcome.end in _WALL and not self._registry.state.tainted:
            taint = f"a trial of candidate {key.number} hit a limit in wall-clock time"
        self.search.trials.take(key, found, outcome.usage, taint)

    def _try_again(self, key: TrialKey, found: Undecided) -> None:
        self._tries[key] += 1
        if self._tries[key] >= self._task.search.undecided:
            trials = Folders(self.opened.root).trials
            if trials.exists():
                check_room(trials)  # a full disk is told as such
            raise MachineError(
                f"the machine failed {self._tries[key]} times at a trial of candidate "
                f"{key.number}: {found.reason}",
                todo="see evolve doctor, then run the same command again: nothing is lost",
            )
        self.notes.append(f"a trial of candidate {key.number} is run again: {found.reason}")
        self.search.trials.again(key)

    def _note_edits(self, last: bool) -> None:
        """The run goes on with what it has read, but is not about what is there now."""
        self._same.check()
        for path in self._same.edited(last):
            words = f"{path} of the task was changed while the search ran, which did not read it"
            self.notes.append(f"{words} again: the next run compares the two")
            state, number = self._registry.state, self._registry.last_number()
            if state.tainted is None:
                state = replace(state, tainted=words)
                batch = Committed(events=(taint_event(number, words),), state=state)
                self._events += self._registry.commit(batch, self.opened.run)

    def _note_begin(self) -> None:
        event = Event(Kind.COMMAND, self._registry.last_number(), None, {"command": "improve"})
        self._events += self._registry.commit(Committed(events=(event,)), self.opened.run)

    def _deliver(self, last: bool = False) -> None:
        now = time.monotonic()
        if self._events and (last or now - self._delivered >= _DELIVER):
            if self._same.moved() is not None:
                return  # else the folder would be made anew; the next run delivers
            self.opened.notifier.deliver(self._events)
            self._events.clear()
            self._delivered = now
