"""Searches for tests: a small program, a function that scores it, and the engine between them."""

import math
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.evaluators.function_evaluator import FunctionEvaluator
from evolve_ai.model.candidate import hash_of
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.task_settings import Task
from evolve_ai.pipelines.improve import Improver
from evolve_ai.runners.function import FunctionRunner
from evolve_ai.search.commit import Step
from evolve_ai.search.parts import SearchParts
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.searches import assemble_parts
from evolve_ai.session.search_project import TaskFolder, opened_at
from evolve_ai.state.search_reader import SearchReader

PROGRAM = b"""\
import math
# EVOLVE-BLOCK-START
def f(x):
    a = 1.0
    b = 0.5
    c = 0.0
    y = a + b * x + c * x * x
    return y
# EVOLVE-BLOCK-END
"""


def fit(path: str) -> float:
    """How well `f` is the exponential function: minus the mean square error."""
    names: dict[str, Any] = {}
    exec(compile(Path(path).read_bytes(), path, "exec"), names)
    xs = [i / 10 for i in range(11)]
    return -sum((names["f"](x) - math.exp(x)) ** 2 for x in xs) / len(xs)


def first_number(path: str) -> float:
    """The first float of the program, at most 4: a hill that is climbed in one go."""
    found = re.search(rb"= (-?\d+\.\d+)", Path(path).read_bytes())
    return min(float(found[1]), 4.0) if found else 0.0


@dataclass(frozen=True)
class Searched:
    """What a run came to."""

    reason: str
    digest: str
    steps: list[Step]
    evaluated: int


class SearchUnderTest:
    """A search in a folder of its own. `settings` are tables of task.toml."""

    def __init__(
        self,
        root: Path,
        evaluate: Callable[..., Any] = fit,
        program: Mapping[str, bytes] | None = None,
        **settings: Any,
    ):
        self.root, self.evaluate = root, evaluate
        self.program = dict(program or {"program.py": PROGRAM})
        body: dict[str, Any] = {
            "program": {"files": list(self.program)},
            "evaluate": {"command": ["function"]},
        }
        for table, keys in settings.items():
            table = "evaluate" if table == "evaluation" else table
            both = isinstance(keys, dict) and table in body
            body[table] = {**body[table], **keys} if both else keys
        self.task = Task.model_validate(body)

    def run(
        self,
        candidates: int,
        slots: int = 2,
        watch: Callable[[Improver, Step], None] | None = None,
        before: Callable[[Improver], None] | None = None,
    ) -> Searched:
        """Improve until so many candidates, going on from where it was."""
        found = TaskFolder(self.root, self.task, TaskFiles(self.program, {}, {}, {}))
        steps: list[Step] = []

        def assemble(one: TaskFolder, root: Path) -> SearchParts:
            return assemble_parts(one, root, FunctionEvaluator(one.task, self.evaluate))

        with (
            opened_at(self.root, found, assemble) as opened,
            tempfile.TemporaryDirectory() as place,
        ):
            fixed = {hash_of(data): data for data in self.program.values()}
            contents = TrialContents(fixed, opened.registry)
            runner = FunctionRunner(self.evaluate, found.files.main, contents, slots, Path(place))
            try:
                with Improver(opened, runner, contents) as improver:
                    if before is not None:
                        before(improver)

                    def seen(step: Step) -> None:
                        steps.append(step)
                        if watch is not None:
                            watch(improver, step)

                    reason = improver.improve(candidates, watch=seen)
                    evaluated = opened.registry.count_trials()
                    return Searched(reason, improver.search.digest, steps, evaluated)
            finally:
                runner.close()

    def reader(self) -> SearchReader:
        return SearchReader.read(self.root / "workspace" / "registry.sqlite")
