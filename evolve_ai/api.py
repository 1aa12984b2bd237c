"""The Python API: improve a program against an evaluator, in a script or a notebook."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.contracts.runner import Runner
from evolve_ai.evaluators.function_evaluator import FunctionEvaluator
from evolve_ai.inspection import search_views
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.errors import UsageError
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.search_report import CandidateReport, SearchReport
from evolve_ai.model.task_settings import Task
from evolve_ai.pipelines import search_runs
from evolve_ai.pipelines.improve import Improver
from evolve_ai.pipelines.search_runs import Asked
from evolve_ai.runners.function import FunctionRunner
from evolve_ai.search.commit import Step
from evolve_ai.search.parts import SearchParts
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.searches import assemble_parts
from evolve_ai.session.search_project import TaskFolder, opened_at
from evolve_ai.system.machine import processors
from evolve_ai.system.task_file import validated

Program = str | Path | Mapping[str, str | bytes]
Evaluate = Callable[..., Any]
Progress = Callable[[CandidateReport], object]


@dataclass(frozen=True, slots=True)
class Result:
    """What a search found. `files` is the best program, path -> text.

    `history` has columns of equal length, a row for each candidate: number, score, best, cause,
    operator, parents, size; `pandas.DataFrame(result.history)` takes them.
    """

    initial: CandidateReport
    best: CandidateReport
    files: Mapping[str, str]
    history: Mapping[str, Sequence[Any]]
    stopped: str
    candidates: int
    trials: int
    failures: Mapping[str, int]
    history_digest: str

    @property
    def code(self) -> str:
        """The best program, if it is one file. ValueError otherwise."""
        if len(self.files) != 1:
            raise ValueError(f"the program has {len(self.files)} files: see `files`")
        return next(iter(self.files.values()))


def improve(
    program: Program,
    evaluate: Evaluate,
    *,
    candidates: int = 0,
    seconds: float = 0.0,
    seed: int = 1,
    slots: int = 0,
    project: str | Path | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Result:
    """Evolve a program against a function that scores it.

    `program`: the path of a file, source text (with a line break; it counts as Python), or several
    files as a map of relative path to text. `evaluate(path)` gets the path of a copy of the (first)
    file and returns a number, or a map of metrics with `score`; it may ask for `seed` and `stage`
    by name. Each call happens in a process forked from this one.

    `candidates` and `seconds` limit the run (0: no limit; one is needed), `slots` is the number of
    trials at the same time (0: one for each core). `project`: a folder that keeps the search, so
    that the same call goes on; without it nothing is kept. `progress` is called with each
    candidate. Other settings are tables of task.toml: `score={"maximize": False}`,
    `archive={"name": "islands"}`, `limits={"seconds": 5}` (docs/tasks.md); that of [evaluate] is
    `evaluation={"seeds": [1, 2]}`.

    Raises UsageError and SettingsError for wrong arguments, NoScoreError where the initial program
    has no score.
    """
    if not candidates and not seconds:
        raise UsageError("improve() needs a limit", todo="give candidates=… or seconds=…")
    initial = _sources(program)
    task = _task(initial, seed, settings)
    found = TaskFolder(Path(), task, TaskFiles(initial, {}, {}, {}))
    asked = Asked(Path(), None, (), candidates, seconds, slots or processors())
    if project is not None:
        return _searched(Path(project).absolute(), found, evaluate, asked, progress)
    with tempfile.TemporaryDirectory(prefix="evolve-") as root:
        return _searched(Path(root), found, evaluate, asked, progress)


def _searched(
    root: Path, found: TaskFolder, evaluate: Evaluate, asked: Asked, progress: Progress | None
) -> Result:
    sign = found.task.score.signs[0]

    def watch(step: Step) -> None:
        if progress is not None:
            progress(search_views.step_report(step, sign))

    with _improving(root, found, evaluate, asked.slots) as improver:
        report = search_runs.improve(improver, asked, watch)
        rows = list(search_views.candidates(improver.opened.registry, None))
        return _result(report, rows, improver.best_sources(), sign)


@contextmanager
def _improving(root: Path, found: TaskFolder, evaluate: Evaluate, slots: int) -> Iterator[Improver]:
    def assemble(found: TaskFolder, root: Path) -> SearchParts:
        return assemble_parts(found, root, FunctionEvaluator(found.task, evaluate))

    initial = found.files.initial
    with (
        opened_at(root, found, assemble) as opened,
        tempfile.TemporaryDirectory(prefix="evolve-trials-") as folder,
    ):
        fixed = {hash_of(data): data for data in initial.values()}
        contents = TrialContents(fixed, opened.registry)
        runner: Runner = FunctionRunner(evaluate, found.files.main, contents, slots, Path(folder))
        try:
            with Improver(opened, runner, contents) as improver:
                yield improver
        finally:
            runner.close()


def _sources(program: Program) -> Sources:
    if isinstance(program, Mapping):
        if not program:
            raise UsageError("the program has no files")
        return {
            str(path): text.encode() if isinstance(text, str) else bytes(text)
            for path, text in program.items()
        }
    if isinstance(program, str) and "\n" in program:
        return {"program.py": program.encode()}
    place = Path(program)
    try:
        return {place.name: place.read_bytes()}
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=place) from error


def _task(initial: Sources, seed: int, settings: Mapping[str, Any]) -> Task:
    body: dict[str, Any] = {name: settings[name] for name in settings}
    body["program"] = {"files": list(initial), **body.get("program", {})}
    body["evaluate"] = {"command": ["function"], **body.pop("evaluation", {})}
    body["search"] = {"seed": seed, **body.get("search", {})}
    return validated(body, "", "improve()")


def _result(
    report: SearchReport, rows: Sequence[CandidateReport], best: Sources, sign: float
) -> Result:
    assert report.initial is not None
    assert report.best is not None
    return Result(
        initial=report.initial,
        best=report.best,
        files={path: data.decode("utf-8", "surrogateescape") for path, data in best.items()},
        history=_columns(rows, sign),
        stopped=report.stopped,
        candidates=report.candidates,
        trials=report.trials,
        failures=report.failures,
        history_digest=report.history_digest,
    )


def _columns(rows: Sequence[CandidateReport], sign: float) -> dict[str, list[Any]]:
    best: list[float | None] = []
    for one in rows:
        known = [value for value in (best[-1] if best else None, one.score) if value is not None]
        best.append(max(known, key=lambda value: sign * value) if known else None)
    return {
        "number": [one.number for one in rows],
        "score": [one.score for one in rows],
        "best": best,
        "cause": [one.cause for one in rows],
        "operator": [one.operators[-1] for one in rows],
        "parents": [list(one.parents) for one in rows],
        "size": [one.features.get("size") for one in rows],
    }
