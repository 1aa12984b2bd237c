"""Evaluates programs that are no candidates: for checks, for minifying, for measuring afresh."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evolve_ai.contracts.evaluator import Evaluator
from evolve_ai.contracts.runner import Runner
from evolve_ai.model.candidate import Sources, genome_of
from evolve_ai.model.errors import MachineError
from evolve_ai.model.job import JobUsage
from evolve_ai.model.trial import Fault, Score, Undecided
from evolve_ai.search.evaluation import Evaluation, Plan
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.state.search_reader import TrialKey

_TRIES = 3  # of a trial that the machine fails


@dataclass(slots=True)
class Measured:
    """What evaluating one program gave; `usages` of its trials in order."""

    result: Score | Fault
    usages: tuple[JobUsage, ...] = ()


@dataclass(slots=True)
class _Work:
    evaluation: Evaluation
    sources: Sources
    usages: list[JobUsage] = field(default_factory=list)


class Batch:
    """Nothing that it evaluates is put on record."""

    def __init__(self, runner: Runner, evaluator: Evaluator, contents: TrialContents, plan: Plan):
        """Pairs (`plan.repeats` = 0) become single trials."""
        self._runner, self._evaluator, self._contents = runner, evaluator, contents
        self._plan = replace(plan, repeats=max(1, plan.repeats))
        self.trials = 0

    def measure(self, programs: Sequence[Sources], together: bool = True) -> list[Measured]:
        """Each of these programs, by all stages and seeds. `together`: as many at a time as there
        are slots; else one after the other, as times are measured best.

        Raises MachineError where the machine fails again and again.
        """
        work = [_Work(Evaluation(n, self._plan), one) for n, one in enumerate(programs)]
        if together:
            self._run(work)
        else:
            for one in work:
                self._run([one])
        found = []
        for one in work:
            result = one.evaluation.judged
            assert result is not None
            found.append(Measured(result, tuple(one.usages)))
        return found

    def scores(self, programs: Sequence[Sources]) -> list[Score | Fault]:
        return [one.result for one in self.measure(programs)]

    def _run(self, work: Sequence[_Work]) -> None:
        running: dict[str, tuple[_Work, TrialKey]] = {}
        tries: Counter[TrialKey] = Counter()
        waiting = list(work)
        while waiting or running:
            while waiting and len(running) <= self._runner.slots():
                one = waiting.pop(0)
                key = one.evaluation.next()
                if key is not None:
                    running[self._submit(one, key)] = one, key
            for handle, outcome in self._runner.done(0.1):
                if handle not in running:
                    continue
                one, key = running.pop(handle)
                found = self._evaluator.read(outcome)
                if isinstance(found, Undecided):
                    tries[key] += 1
                    if tries[key] >= _TRIES:
                        raise MachineError(f"the machine failed at a trial: {found.reason}")
                else:
                    one.evaluation.add(key, found)
                    one.usages.append(outcome.usage)
                waiting.append(one)

    def _submit(self, one: _Work, key: TrialKey) -> str:
        self.trials += 1
        genome = genome_of(one.sources)
        job = self._evaluator.job(key.subject, genome, key.stage, key.seed, key.repeat)
        by_code = {code: one.sources[path] for path, code in genome.items()}
        self._contents.hold(job, by_code.get)
        return self._runner.submit(job)
