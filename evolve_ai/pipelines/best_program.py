"""Examines the best program of a search before it is shown: minified, ablated, measured afresh."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolve_ai.model.candidate import Sources, genome_of
from evolve_ai.model.errors import NoScoreError
from evolve_ai.model.hunks import Hunk, applied
from evolve_ai.model.search_report import BestReport, EditReport, ExamReport, MeasuredReport
from evolve_ai.model.trial import Fault, Score
from evolve_ai.search.ablate import ablated
from evolve_ai.search.batch import Batch
from evolve_ai.search.minify import minified
from evolve_ai.search.statistics import mean_interval
from evolve_ai.state.search_reader import SearchReader
from evolve_ai.system.search_mark import improve_command

WHAT = "best"  # under which the registry keeps it
REPEATS = 5  # fresh measurements of each program
MOST_TRIALS = 400  # of minifying
_SHOWN = 200  # characters of an edit


@dataclass(frozen=True, slots=True)
class Contestants:
    """Programs of a search: the first and the best one, with the number of the best."""

    number: int
    initial: Sources
    best: Sources
    recorded: float  # the best one's first goal, more is better


def contestants(registry: SearchReader) -> Contestants:
    """NoScoreError where no candidate has a score."""
    number = registry.champion()
    if number is None:
        raise NoScoreError(
            "no candidate has a score yet",
            where=registry.path,
            todo=improve_command(registry.path.parent.parent),
        )
    one = registry.candidate(number).candidate
    first = registry.candidate(0).candidate
    assert one.score is not None
    return Contestants(
        number,
        {path: registry.content(code) for path, code in first.genome.items()},
        {path: registry.content(code) for path, code in one.genome.items()},
        one.score.value,
    )


def examine(found: Contestants, batch: Batch, holdout: Batch | None, sign: float) -> BestReport:
    """Measure both programs in turns, take back the edits that do not matter, and say what each
    of the others is worth."""
    fresh = _in_turns(batch, [found.initial, found.best])
    floor = _floor(fresh[1], found.recorded)

    def as_good(programs: Sequence[Sources]) -> list[bool]:
        scores = batch.scores(programs)
        return [isinstance(one, Score) and one.value >= floor for one in scores]

    kept = minified(found.initial, found.best, as_good, MOST_TRIALS)
    small = applied(found.initial, kept)
    if not as_good([small])[0]:  # chance played with minifying
        kept, small = (), found.best
    measured = _in_turns(batch, [found.initial, small])
    values = ablated(found.initial, kept, lambda programs: _values(batch.scores(programs)))
    edits = tuple(
        _edit(one.hunk, found.initial, None if one.without is None else sign * one.without)
        for one in values
    )
    exam = None if holdout is None else _exam(holdout, found.initial, small, sign)
    return BestReport(
        number=found.number,
        initial=_report(measured[0], sign),
        best=_report(measured[1], sign),
        files={path: base64.b64encode(small[path]).decode() for path in small},
        genome=genome_of(small),
        minified=small != found.best,
        edits=edits,
        holdout=exam,
        trials=batch.trials + (0 if holdout is None else holdout.trials),
    )


def _in_turns(batch: Batch, programs: Sequence[Sources]) -> list[list[float]]:
    """The scores of each program in REPEATS rounds; equal ones at once end the rounds."""
    found: list[list[float]] = [[] for _ in programs]
    for repeat in range(REPEATS):
        for one, measured in zip(found, batch.measure(programs, together=False), strict=True):
            if isinstance(measured.result, Score):
                one.append(measured.result.value)
        if repeat == 1 and all(len(set(one)) == 1 for one in found):
            break
    return found


def _floor(fresh: Sequence[float], recorded: float) -> float:
    """The score that an edit may not fall below: with a noisy evaluator the lower end of what
    the best program scores."""
    if not fresh:
        return recorded
    if len(set(fresh)) == 1:
        return fresh[0]
    return mean_interval(fresh).low


def _values(scores: Sequence[Score | Fault]) -> list[float | None]:
    return [one.value if isinstance(one, Score) else None for one in scores]


def _report(values: Sequence[float], sign: float) -> MeasuredReport:
    if not values:
        return MeasuredReport(None, None, None, 0)
    told = mean_interval(values)
    low, high = sorted((sign * told.low, sign * told.high))
    if len(set(values)) == 1:
        low = high = sign * values[0]
    return MeasuredReport(sign * told.estimate + 0.0, low, high, len(values))


def _edit(hunk: Hunk, before: Sources, without: float | None) -> EditReport:
    line = before[hunk.path].count(b"\n", 0, hunk.start) + 1
    old, new = hunk.old(before), hunk.new
    return EditReport(hunk.path, line, _text(old), _text(new), without)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")[:_SHOWN]


def _exam(holdout: Batch, initial: Sources, best: Sources, sign: float) -> ExamReport:
    first, second = _values(holdout.scores([initial, best]))
    return ExamReport(
        None if first is None else sign * first, None if second is None else sign * second
    )


def from_record(body: Mapping[str, Any]) -> BestReport:
    exam = body["holdout"]
    return BestReport(
        **{
            **body,
            "initial": MeasuredReport(**body["initial"]),
            "best": MeasuredReport(**body["best"]),
            "edits": tuple(EditReport(**one) for one in body["edits"]),
            "holdout": None if exam is None else ExamReport(**exam),
        }
    )
