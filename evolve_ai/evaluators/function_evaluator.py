"""The evaluator that is a Python function of this very process: of `evolve_ai.improve`."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from evolve_ai.evaluators.reading import RESULT, read
from evolve_ai.evaluators.task_evaluator import ONLY, limits_of
from evolve_ai.model.job import Job, Outcome
from evolve_ai.model.task_settings import Task
from evolve_ai.model.trial import Judgement


class FunctionEvaluator:
    """Satisfies contracts.evaluator.Evaluator; its jobs are for runners.function."""

    def __init__(self, task: Task, function: Callable[..., Any]):
        self._task = task
        self.stages = task.evaluate.stages or (ONLY,)
        self.contents: Mapping[str, bytes] = {}
        self._limits = limits_of(task.limits)
        told = task.model_dump(include={"program", "evaluate", "score", "limits"})
        name = f"{function.__module__}:{getattr(function, '__qualname__', type(function))}"
        body = json.dumps([name, told], sort_keys=True)
        self.digest = hashlib.sha256(body.encode()).hexdigest()

    def job(
        self, number: int, genome: Mapping[str, str], stage: str, seed: int, repeat: int
    ) -> Job:
        return Job(
            title=f"{number}/{stage}/{seed}/{repeat}",
            files=genome,
            changed=frozenset(genome),
            argv=(),
            env={"EVOLVE_STAGE": stage, "EVOLVE_SEED": str(seed)},
            limits=self._limits,
            collect=(RESULT,),
        )

    def read(self, outcome: Outcome) -> Judgement:
        return read(outcome, self._task.score)
