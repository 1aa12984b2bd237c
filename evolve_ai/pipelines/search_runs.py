"""Does one thing for a command about a search: opens what that needs, and closes it afterwards."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from evolve_ai.contracts.evaluator import Evaluator
from evolve_ai.contracts.runner import Content, Runner
from evolve_ai.inspection import search_views
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.program_files import TaskFiles
from evolve_ai.model.search_report import BestReport, SearchReport
from evolve_ai.model.task_settings import Task
from evolve_ai.pipelines import best_program
from evolve_ai.pipelines.improve import Idle, Improver, Watch
from evolve_ai.runners.building import BuildingRunner, Programs
from evolve_ai.search.batch import Batch
from evolve_ai.search.evaluation import Plan
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.program_builder import program_builder
from evolve_ai.session.search_project import (
    AssembleSearch,
    OpenSearch,
    TaskFolder,
    opened_search,
    read_task,
    task_of,
)
from evolve_ai.session.trial_runner import open_local_runner
from evolve_ai.state.search import SearchRegistry
from evolve_ai.state.search_reader import SearchReader
from evolve_ai.system.lock import Lock
from evolve_ai.system.machine import processors
from evolve_ai.system.project import Folders

Tell = Callable[[str], None]
HoldoutOf = Callable[[Task, TaskFiles], Evaluator]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command asks of a search. `candidates` and `seconds`: 0 for what the task says."""

    folder: Path = Path()
    project: Path | None = None
    overrides: Sequence[str] = ()
    candidates: int = 0
    seconds: float = 0.0
    slots: int = 0
    unsafe: bool = False


@contextmanager
def improving(asked: Asked, assemble: AssembleSearch, tell: Tell) -> Iterator[Improver]:
    """A search that is open and can be told to improve."""
    with (
        opened_search(asked.folder, asked.project, asked.overrides, assemble) as opened,
        trial_runner(opened, asked, tell) as (runner, contents),
        Improver(opened, runner, contents) as improver,
    ):
        yield improver


@contextmanager
def trial_runner(
    opened: OpenSearch, asked: Asked, tell: Tell
) -> Iterator[tuple[Runner, TrialContents]]:
    task = opened.found.task
    contents = TrialContents(fixed_contents(opened), opened.registry)
    slots = asked.slots or task.search.slots or processors()
    runner, degraded = local_runner(opened.root, opened.found, contents, slots, asked)
    try:
        for words in degraded:
            tell(words)
        yield runner, contents
    finally:
        runner.close()


def local_runner(
    root: Path, found: TaskFolder, contents: Content, slots: int, asked: Asked
) -> tuple[Runner, tuple[str, ...]]:
    """One that also compiles programs, where the task says so. TaskError where it cannot."""
    paths = [Path(path) for path in found.task.limits.readable]
    workspace = Folders(root).workspace
    builder = program_builder(found, workspace, asked.unsafe)
    if builder is None:
        return open_local_runner(workspace, contents, slots, asked.unsafe, paths)
    programs = Programs(contents)
    inner, degraded = open_local_runner(workspace, programs, slots, asked.unsafe, paths)
    return BuildingRunner(inner, builder, programs), degraded


def fixed_contents(opened: OpenSearch) -> Mapping[str, bytes]:
    """All files of the task, and what its evaluator adds, by SHA-256."""
    initial = opened.found.files.initial
    return {
        **opened.parts.evaluator.contents,
        **{hash_of(data): data for data in initial.values()},
    }


def improve(
    improver: Improver, asked: Asked, watch: Watch | None = None, idle: Idle | None = None
) -> SearchReport:
    budget = improver.opened.found.task.budget
    reason = improver.improve(
        asked.candidates or budget.candidates, asked.seconds or budget.seconds, watch, idle
    )
    found = search_views.report(improver.opened.root, improver.opened.registry, reason)
    return replace(found, running=None)


def best(
    root: Path, assemble: AssembleSearch, holdout_of: HoldoutOf, asked: Asked, tell: Tell
) -> tuple[BestReport, Sources]:
    """The best program of the search in `root`, and the initial one. It is examined once and kept;
    while the search runs it is examined in a folder of its own, and nothing is kept."""
    with SearchReader.read(Folders(root).registry) as registry:
        found = best_program.contestants(registry)
        kept = registry.examined(found.number, best_program.WHAT)
    if kept is not None:
        return best_program.from_record(kept), found.initial
    task = read_task(task_of(root), asked.overrides, [root])
    with ExitStack() as stack:
        place = root
        if life_cycle(Folders(root)) is None:
            stack.enter_context(Lock(Folders(root).workspace, "best"))
        else:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evolve-best-")))
        report = _examined(place, found, task, assemble, holdout_of, asked, tell)
        if place == root:
            registry = stack.enter_context(SearchRegistry.create(Folders(root).registry))
            registry.keep_examined(found.number, best_program.WHAT, asdict(report))
    return report, found.initial


def _examined(
    place: Path,
    found: best_program.Contestants,
    task: TaskFolder,
    assemble: AssembleSearch,
    holdout_of: HoldoutOf,
    asked: Asked,
    tell: Tell,
) -> BestReport:
    evaluator = assemble(task, place).evaluator
    other = holdout_of(task.task, task.files) if task.task.holdout is not None else None
    programs = (found.initial, found.best)
    fixed = {hash_of(data): data for program in programs for data in program.values()}
    fixed |= {**evaluator.contents, **(other.contents if other is not None else {})}
    contents = TrialContents(fixed)
    slots = asked.slots or task.task.search.slots or processors()
    runner, degraded = local_runner(place, task, contents, slots, asked)
    try:
        for words in degraded:
            tell(words)
        batch = Batch(runner, evaluator, contents, Plan.of(task.task, evaluator.stages))
        holdout = None
        if other is not None and task.task.holdout is not None:
            plan = replace(Plan.of(task.task, other.stages), seeds=task.task.holdout.seeds)
            holdout = Batch(runner, other, contents, replace(plan, thresholds=()))
        return best_program.examine(found, batch, holdout, task.task.score.signs[0])
    finally:
        runner.close()
