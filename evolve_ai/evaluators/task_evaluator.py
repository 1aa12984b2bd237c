"""The evaluator of a native task: a command that writes a result, or a Python function."""

import hashlib
import json
from collections.abc import Mapping

from evolve_ai.evaluators.reading import RESULT, read
from evolve_ai.model.candidate import hash_of
from evolve_ai.model.job import BINARY, SCRATCH, TASK, Job, JobNeeds, Outcome, TrialLimits
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.task_settings import LimitSettings, Task
from evolve_ai.model.trial import Judgement

HARNESS = ".evolve/harness.py"  # among the files of a job: what calls a Python function
ONLY = "only"  # the stage of a task that names none


class TaskEvaluator:
    """Satisfies contracts.evaluator.Evaluator. With `holdout` it is the other one of the task."""

    def __init__(
        self,
        task: Task,
        files: TaskFiles,
        harness: bytes,
        interpreter: str,
        environment: Mapping[str, str],
        holdout: bool = False,
    ):
        """`interpreter` runs Python evaluators; `environment` are variables granted to trials."""
        self._task, self._files = task, files
        self._holdout = task.holdout if holdout else None
        evaluate = self._holdout or task.evaluate
        self._command, self._call = evaluate.command, evaluate.python
        self.seeds = evaluate.seeds
        self.stages = (ONLY,) if holdout else task.evaluate.stages or (ONLY,)
        self._interpreter = interpreter
        self._environment = dict(environment)
        self._fixed = dict(files.fixed)
        if holdout:
            self._fixed |= files.hidden
        own = dict(files.contents)
        if self._call:
            code = hash_of(harness)
            self._fixed[HARNESS], own[code] = code, harness
        self.contents: Mapping[str, bytes] = own
        self._limits = limits_of(task.limits)
        self.digest = self._digest()

    def job(
        self, number: int, genome: Mapping[str, str], stage: str, seed: int, repeat: int
    ) -> Job:
        return Job(
            title=f"{number}/{stage}/{seed}/{repeat}{'/holdout' if self._holdout else ''}",
            files={**self._fixed, **genome},
            changed=frozenset(genome),
            argv=self._argv(stage, seed),
            env={
                **self._environment,
                **({"EVOLVE_BINARY": f"{TASK}/{BINARY}"} if self._task.evaluate.build else {}),
                "EVOLVE_SCRATCH": SCRATCH,
                "EVOLVE_SEED": str(seed),
                "EVOLVE_STAGE": stage,
            },
            limits=self._limits,
            needs=JobNeeds(network=self._task.limits.network),
            collect=(RESULT,),
            warm=self._call if self._task.evaluate.warm else "",
            cost=self._task.score.cost,
            built=bool(self._task.evaluate.build),
        )

    def read(self, outcome: Outcome) -> Judgement:
        return read(outcome, self._task.score)

    def _argv(self, stage: str, seed: int) -> tuple[str, ...]:
        program, result = f"{TASK}/{self._files.main}", f"{SCRATCH}/{RESULT}"
        if self._call:
            harness = f"{TASK}/{HARNESS}"
            return (self._interpreter, harness, self._call, program, result, stage, str(seed))
        words = {
            "{program}": program,
            "{binary}": f"{TASK}/{BINARY}",
            "{result}": result,
            "{scratch}": SCRATCH,
            "{task}": TASK,
            "{stage}": stage,
            "{seed}": str(seed),
            "{python}": self._interpreter,
        }
        return tuple(_replaced(word, words) for word in self._command)

    def _digest(self) -> str:
        """Of all that decides a score beside the program."""
        task = self._task.model_dump(include={"program", "evaluate", "score", "holdout", "limits"})
        told = {"task": task, "files": self._fixed, "environment": sorted(self._environment)}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _replaced(word: str, words: Mapping[str, str]) -> str:
    for mark, text in words.items():
        word = word.replace(mark, text)
    return word


def limits_of(told: LimitSettings) -> TrialLimits:
    return TrialLimits(
        seconds=told.seconds,
        silence=told.silence or told.seconds,
        cpu_seconds=told.cpu_seconds or 2 * told.seconds,
        memory=told.memory,
        output=told.output,
        processes=told.processes,
        disk=told.disk,
    )
