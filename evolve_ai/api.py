"""The Python API: improve a program against an evaluator, in a script or a notebook."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from evolve_ai.contracts.runner import Runner
from evolve_ai.evaluators.function_evaluator import FunctionEvaluator
from evolve_ai.inspection import search_views
from evolve_ai.model import task_reference
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.errors import EvolveError, NoScoreError, SettingsError, UsageError
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
from evolve_ai.system.files import read_regular
from evolve_ai.system.machine import processors
from evolve_ai.system.task_file import validated

Program = str | Path | Mapping[str, str | bytes]
Evaluate = Callable[..., Any]
Progress = Callable[[CandidateReport], object]

_MOST_BYTES = 512 * 1024 * 1024  # of a program's file
_MOST_CANDIDATES = 10**12  # as budget.candidates
_MOST_SECONDS = 86_400 * 365  # as budget.seconds
_MOST_SLOTS = 1024  # as search.slots
_TODO = "docs/tasks.md lists the tables and their keys; pass each as a map: limits={'seconds': 5}"
_LOOK = "call evaluate(path) with the path of the program to see what it does"


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
    _check_limits(candidates, seconds, slots)
    _check_calls(evaluate, progress)
    initial = _sources(program)
    task = _task(initial, seed, settings)
    found = TaskFolder(Path(), task, TaskFiles(initial, {}, {}, {}))
    asked = Asked(Path(), None, (), candidates, seconds, slots or processors())
    with _told_in_python():
        if project is not None:
            return _searched(_folder(project), found, evaluate, asked, progress)
        with tempfile.TemporaryDirectory(prefix="evolve-") as root:
            return _searched(Path(root), found, evaluate, asked, progress)


@contextmanager
def _told_in_python() -> Iterator[None]:
    """Remedies that name options of the command line name arguments of improve() instead."""
    try:
        yield
    except EvolveError as error:
        if isinstance(error, NoScoreError):
            error.todo = _LOOK
        elif error.todo:
            error.todo = error.todo.replace("--project DIR", "project=DIR")
        raise


def _check_limits(candidates: object, seconds: object, slots: object) -> None:
    _check_number("candidates", candidates, Integral, _MOST_CANDIDATES)
    _check_number("seconds", seconds, Real, _MOST_SECONDS)
    _check_number("slots", slots, Integral, _MOST_SLOTS)
    if not candidates and not seconds:
        raise UsageError("improve() needs a limit", todo="give candidates=… or seconds=…")


def _check_number(name: str, value: object, kind: Any, high: int) -> None:
    if isinstance(value, kind) and not isinstance(value, bool) and 0 <= value <= high:
        return  # not a number (nan) is in no range
    what = "a whole number" if kind is Integral else "a number"
    raise UsageError(f"`{name}` is {_shown(value)}", todo=f"pass {what} in 0..{high}")


def _check_calls(evaluate: object, progress: object) -> None:
    if not callable(evaluate):
        raise UsageError(
            f"`evaluate` is {_shown(evaluate)}, which cannot be called",
            todo="pass a function that gets the path of a program and returns its score",
        )
    if progress is not None and not callable(progress):
        raise UsageError(
            f"`progress` is {_shown(progress)}, which cannot be called",
            todo="pass a function that gets a report of each candidate, or None",
        )


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _folder(project: object) -> Path:
    if isinstance(project, str | Path) and str(project) and "\0" not in str(project):
        return Path(project).absolute()
    raise UsageError(f"`project` is {_shown(project)}", todo="pass the path of a folder")


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


def _sources(program: object) -> Sources:
    if isinstance(program, Mapping):
        if not program:
            raise UsageError("the program has no files", todo="pass {path: text}")
        return {_name(path): _data(str(path), text) for path, text in program.items()}
    if isinstance(program, str) and "\n" in program:
        return {"program.py": _data("program.py", program)}
    if not isinstance(program, str | Path):
        raise UsageError(
            f"`program` is {_shown(program)}",
            todo="pass source text, the path of a file, or a map of paths to texts",
        )
    if not str(program) or "\0" in str(program):
        raise UsageError(f"`program` is {_shown(program)}, which is neither path nor text",
            todo="pass the path of a file, or source text with a line break")  # fmt: skip
    return _of_file(Path(program))


def _of_file(place: Path) -> Sources:
    try:
        return {place.name: read_regular(place.resolve(), _MOST_BYTES)}
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, a lone surrogate
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot be read: {reason}",
            where=ascii(str(place))[1:-1],
            todo="source text needs a line break: without one it counts as the path of a file",
        ) from error


def _name(path: object) -> str:
    if isinstance(path, str | Path):
        return str(path)
    raise UsageError(f"{_shown(path)} is no path of a file", todo="pass {path: text}")


def _data(path: str, text: object) -> bytes:
    if isinstance(text, bytes | bytearray):
        return bytes(text)
    if not isinstance(text, str):
        raise UsageError(f"is {_shown(text)}", where=path, todo="pass its text, or bytes")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise UsageError(
            f"line {line} has {text[error.start]!r}, which no UTF-8 can hold",
            where=path,
            todo="replace it, or pass bytes in a map: {'program.py': data}",
        ) from error


def _task(initial: Sources, seed: int, settings: Mapping[str, Any]) -> Task:
    _check_tables(settings)
    body: dict[str, Any] = dict(settings)
    body["program"] = {"files": list(initial)}
    body["evaluate"] = {"command": ["function"], **body.pop("evaluation", {})}
    body["search"] = {"seed": seed, **body.get("search", {})}
    return validated(body, "", "improve()")


def _check_tables(settings: Mapping[str, Any]) -> None:
    """SettingsError for what is no table that improve() takes."""
    known = [name for name in Task.model_fields if name not in ("program", "evaluate")]
    for name, value in settings.items():
        if name != "evaluation" and name not in known:
            raise SettingsError(
                f"{name} is unknown; {_meant(name, value, known)}", where="improve()", todo=_TODO
            )
        if not isinstance(value, Mapping) and name not in task_reference.MEMBERS:
            raise SettingsError(f"{name} is {_shown(value)}; it must be a map of settings",
                where="improve()", todo=_TODO)  # fmt: skip


def _meant(name: str, value: object, known: Sequence[str]) -> str:
    for table in ("evaluate", *known):
        if name in task_reference.names(table):
            argument = "evaluation" if table == "evaluate" else table
            return f"did you mean {argument}={{{name!r}: {_shown(value)}}}?"
    return f"there are evaluation, {', '.join(known)}"


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
