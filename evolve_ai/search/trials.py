"""Candidates under way, and the trials that they need next."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from evolve_ai.model.job import JobUsage
from evolve_ai.model.trial import Fault, Score
from evolve_ai.search.asking import Answer, Asked
from evolve_ai.search.evaluation import Evaluation, Rival
from evolve_ai.state.search import SearchRegistry
from evolve_ai.state.search_reader import TrialKey


@dataclass
class Pending:
    """A candidate that is asked for and not committed yet."""

    number: int
    rival: Rival | None = None  # the champion when it was asked for
    answer: Future[Answer] | None = None
    asked: Asked | None = None
    evaluation: Evaluation | None = None
    is_done: bool = False
    taints: list[str] = field(default_factory=list)


class Trials:
    """Gives out trials, those of the lowest numbers first, and takes their results."""

    def __init__(self, registry: SearchRegistry):
        self._registry = registry
        self.pending: dict[int, Pending] = {}
        self._ready: deque[int] = deque()
        self._programs: dict[str, int] = {}
        self._last_recorded = registry.last_tried()

    def add(self, pending: Pending) -> None:
        self.pending[pending.number] = pending

    def earlier(self, program: str, number: int) -> int | None:
        """The candidate with a smaller number that has this very program."""
        known = self._programs.get(program)
        if known is None or known >= number:
            known = self._registry.number_with(program)
        return known if known is not None and known < number else None

    def begin(self, pending: Pending, evaluation: Evaluation) -> None:
        """Evaluate a candidate, going on from the trials that are on record."""
        assert pending.asked is not None
        self._programs.setdefault(pending.asked.program, pending.number)
        pending.evaluation = evaluation
        if pending.number <= self._last_recorded:
            for key, result in self._registry.trials_of(pending.number).items():
                evaluation.add(key, result)
        self._go_on(pending)

    def next(self) -> Iterator[tuple[TrialKey, Mapping[str, str]]]:
        """Trials to be run, each with the genome whose program runs. Whoever takes one gives its
        result to `take`, or says `again`."""
        while self._ready:
            number = min(self._ready)
            self._ready.remove(number)
            pending = self.pending[number]
            assert pending.evaluation is not None
            key = pending.evaluation.next()
            assert key is not None
            yield key, _genome(pending, pending.evaluation, key)

    def take(self, key: TrialKey, result: Score | Fault, usage: JobUsage, taint: str = "") -> None:
        """The result of a trial; it is on record before it is used."""
        self._registry.journal_trial(key, result, usage)
        pending = self.pending[key.number]
        assert pending.evaluation is not None
        if taint:
            pending.taints.append(taint)
        pending.evaluation.add(key, result)
        self._go_on(pending)

    def again(self, key: TrialKey) -> None:
        """A trial that the machine failed is to be run again."""
        self._ready.append(key.number)

    def content(self, code: str) -> bytes | None:
        """Of a file of a candidate under way."""
        for pending in self.pending.values():
            asked = pending.asked
            if asked is not None:
                for path, known in asked.genome.items():
                    if known == code:
                        return asked.sources[path]
        return None

    def forget(self, pending: Pending) -> None:
        """It is committed."""
        del self.pending[pending.number]
        program = "" if pending.asked is None else pending.asked.program
        if self._programs.get(program) == pending.number:
            del self._programs[program]

    def _go_on(self, pending: Pending) -> None:
        assert pending.evaluation is not None
        if pending.evaluation.next() is None:
            pending.is_done = True
        else:
            self._ready.append(pending.number)


def _genome(pending: Pending, evaluation: Evaluation, key: TrialKey) -> Mapping[str, str]:
    assert pending.asked is not None
    rival = evaluation.rival
    if rival is not None and key.subject == rival.number:
        return rival.genome
    return pending.asked.genome
