"""Looks at the registry of a search, also beside one that runs."""

from collections.abc import Iterator
from pathlib import Path

from evolve_ai.model.errors import TaskError
from evolve_ai.model.patch import unified
from evolve_ai.model.search_report import CandidateReport, OperatorReport, SearchReport
from evolve_ai.model.task_settings import Task
from evolve_ai.search.commit import Step
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.search_project import task_of
from evolve_ai.state.search_reader import Placed, SearchReader
from evolve_ai.system.project import Folders


def candidate_report(placed: Placed, sign: float) -> CandidateReport:
    """`sign` turns the first goal back to how the evaluator told it."""
    one = placed.candidate
    return CandidateReport(
        id=one.id,
        number=one.number,
        score=None if one.score is None else sign * one.score.value + 0.0,
        metrics={} if one.score is None else {**one.score.metrics},
        files={**one.genome},
        cause=None if one.fault is None else str(one.fault.cause),
        reason=None if one.fault is None else one.fault.reason,
        parents=one.parents,
        generation=one.generation,
        operators=one.operators,
        features={**one.features},
        placement=placed.placement,
        kept=placed.kept,
        improved=placed.improved,
        reused=one.reused,
        note=one.note,
        operator=one.operators[-1] if one.operators else "",
        tried_first=one.operators[:-1],
    )


def step_report(step: Step, sign: float) -> CandidateReport:
    """A candidate that was committed just now."""
    where = step.placement
    placed = Placed(step.candidate, where.kept, step.improved, where.where, 0, "")
    return candidate_report(placed, sign)


def diff_of(registry: SearchReader, placed: Placed) -> str:
    """Of a candidate against its first parent; "" for the initial program."""
    one = placed.candidate
    if not one.parents:
        return ""
    parent = registry.candidate(one.parents[0]).candidate.genome
    changed = [path for path, code in one.genome.items() if parent.get(path) != code]
    before = {path: registry.content(parent[path]) for path in changed}
    after = {path: registry.content(one.genome[path]) for path in changed}
    return unified(before, after)


def last_task(registry: SearchReader) -> Task:
    """The settings of the last run. TaskError where there was none."""
    text = registry.last_settings()
    if text is None:
        raise TaskError("this search has not begun yet", where=registry.path)
    return Task.model_validate_json(text)


def report(root: Path, registry: SearchReader, stopped: str = "") -> SearchReport:
    task = last_task(registry)
    sign = task.score.signs[0]
    last, best = registry.last_number(), registry.champion()
    wall, cpu = registry.seconds_of_trials()
    held, state = life_cycle(Folders(root)), registry.state
    return SearchReport(
        task=str(task_of(root)),
        goal=task.score.goals[0],
        maximize=sign > 0,
        initial=candidate_report(registry.candidate(0), sign) if last >= 0 else None,
        best=None if best is None else candidate_report(registry.candidate(best), sign),
        candidates=max(0, last),
        trials=registry.count_trials(),
        failures=registry.failures(),
        spend={"wall_seconds": round(wall, 3), "cpu_seconds": round(cpu, 3)},
        stopped=stopped or registry.stopped(),
        tainted=state.tainted,
        paused=state.paused is not None,
        archive=task.archive.name,
        history_digest=registry.digest(),
        operators=tuple(OperatorReport(*row) for row in registry.operators()),
        sandbox=state.sandbox or "",
        running=held.pid if held is not None else None,
    )


def candidates(
    registry: SearchReader, best: int | None, after: int = -1
) -> Iterator[CandidateReport]:
    """Those behind `after` in order of number, or the best ones."""
    sign = last_task(registry).score.signs[0]
    found = registry.candidates(after) if best is None else iter(registry.best(best))
    return (candidate_report(placed, sign) for placed in found)
