"""Checks a task: how it is understood, what its evaluator says, and what is suspicious."""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from evolve_ai.contracts.evaluator import Evaluator
from evolve_ai.contracts.runner import Content, Runner
from evolve_ai.model.blocks import regions
from evolve_ai.model.candidate import Sources, hash_of
from evolve_ai.model.search_report import CheckReport, Estimate, InitialReport, NoiseReport
from evolve_ai.model.trial import Fault, Score
from evolve_ai.search.batch import Batch, Measured
from evolve_ai.search.evaluation import Plan
from evolve_ai.search.no_score import missing_tools
from evolve_ai.search.parts import LanguageOf
from evolve_ai.search.statistics import noise
from evolve_ai.search.trial_contents import TrialContents
from evolve_ai.session.search_project import TaskFolder

REPEATS = 5  # times that the initial program is scored
_CANDIDATES = 1000  # that the estimate is about
_ROUNDS, _SHORT = 8, 1.0  # of trials in all slots, where one takes fewer seconds than that
_PAIRS = 2  # that most comparisons take, where evaluate.repeats is 0
_OVERHEAD = 0.002  # seconds to ask for a candidate and to commit it
_CEILINGS = (1.0, 100.0)
_OUTSIDE = re.compile(
    rb"[\"'](/(?!dev/null|tmp\b|usr/|bin/|proc/self)[\w.-]+/[^\"'\n]*|~/[^\"'\n]+)[\"']"
)
_TEXTS = (".py", ".sh", ".js", ".ts", ".toml", ".json", ".yaml", ".yml")

OpenRunner = Callable[[Path, Content], tuple[Runner, Sequence[str]]]


def check_task(
    found: TaskFolder,
    evaluator: Evaluator,
    language_of: LanguageOf,
    slots: int,
    open_runner: OpenRunner,
) -> CheckReport:
    """Score the initial program several times, and a program that is broken on purpose. Nothing is
    written to the folder of the task."""
    initial = found.files.initial
    fixed = {**evaluator.contents, **{hash_of(data): data for data in initial.values()}}
    contents = TrialContents(fixed)
    with tempfile.TemporaryDirectory(prefix="evolve-check-") as root:
        runner, degraded = open_runner(Path(root), contents)
        try:
            batch = Batch(runner, evaluator, contents, Plan.of(found.task, evaluator.stages))
            measured = batch.measure([initial] * REPEATS, together=False)
            broken = batch.scores(list(_broken(found)))
            estimate = _estimate(found, measured, batch, slots)
        finally:
            runner.close()
    language = language_of(found.files.main)
    return CheckReport(
        format="native",
        task=str(found.folder),
        language="" if language is None else language.name,
        files=tuple(initial),
        fixed=len(found.files.fixed),
        goals=found.task.score.goals,
        initial=_initial(found, measured[0].result),
        noise=_noise(found, measured),
        estimate=estimate,
        warnings=(
            *degraded,
            *warnings(found, measured, broken),
            *_missing(found, measured[0].result, language_of),
        ),
    )


def _initial(found: TaskFolder, result: Score | Fault) -> InitialReport:
    if isinstance(result, Fault):
        return InitialReport(None, {}, False, str(result.cause), result.reason, result.artifacts)
    sign = found.task.score.signs[0]
    metrics = {**result.metrics, **result.private}
    return InitialReport(sign * result.value + 0.0, metrics, True, None, None, result.artifacts)


def _values(found: TaskFolder, measured: Sequence[Measured]) -> list[float]:
    sign = found.task.score.signs[0]
    results = (one.result for one in measured)
    return [sign * result.value for result in results if isinstance(result, Score)]


def _noise(found: TaskFolder, measured: Sequence[Measured]) -> NoiseReport | None:
    values = _values(found, measured)
    if len(values) < 2:
        return None
    told = noise(values)
    same = len(set(values)) == 1
    drifts = told.drift.excludes_zero
    return NoiseReport(tuple(values), told.deviation, told.smallest, same, drifts)


def _estimate(
    found: TaskFolder, measured: Sequence[Measured], batch: Batch, slots: int
) -> Estimate:
    """By the clock, with all slots at work as in a run: slots share the machine, and programs are
    compiled, too. Candidates that fail may take less."""
    alone = min(sum(usage.wall for usage in one.usages) for one in measured)
    rounds = _ROUNDS if alone < _SHORT else 1
    programs = list(_alike(found, rounds * slots))
    begun = time.monotonic()
    batch.measure(programs)
    trials = 1 if found.task.evaluate.repeats else 2 * _PAIRS
    seconds = (time.monotonic() - begun) / len(programs) * trials + _OVERHEAD
    return Estimate(alone * trials, slots, _CANDIDATES, seconds * _CANDIDATES)


def _alike(found: TaskFolder, count: int) -> Iterator[Sources]:
    """The initial program so many times; where programs are compiled beforehand, each with other
    empty lines at its end, since none is compiled twice."""
    initial, main = found.files.initial, found.files.main
    for number in range(1, count + 1):
        ends = b"\n" * number if found.task.evaluate.build else b""
        yield {**initial, main: initial[main] + ends}


def _broken(found: TaskFolder) -> Iterator[Sources]:
    """Programs that should not score as the initial one: nothing between the marks, and no
    program text at all."""
    initial, blocks = found.files.initial, found.task.program.blocks
    for text in (b"", b"\n)]}{[(\n"):
        yield {path: _with(data, regions(data, blocks), text) for path, data in initial.items()}


def _with(data: bytes, places: Sequence[tuple[int, int]], text: bytes) -> bytes:
    for start, end in reversed(places):
        data = data[:start] + text + data[end:]
    return data


def warnings(
    found: TaskFolder, measured: Sequence[Measured], broken: Sequence[Score | Fault]
) -> Iterator[str]:
    values = _values(found, measured)
    first = measured[0].result
    if isinstance(first, Fault):
        when = " in its first run" if values else ""
        yield f"the initial program has no score{when}: {first.cause}: {first.reason}"
    if 0 < len(values) < len(measured):
        yield (
            "the same program sometimes has a score and sometimes not: it had one in "
            f"{len(values)} of {len(measured)} runs"
        )
    else:
        yield from _ceiling(found, values)
    same = [one for one in broken if isinstance(one, Score) and isinstance(first, Score)
            and one.value == first.value]  # fmt: skip
    if same:
        yield (
            "the score does not move when the program is broken on purpose: does the evaluator "
            "run the file that it is given?"
        )
    yield from _varies(found, values)
    yield from _empty_blocks(found)
    yield from _reads_outside(found)


def _missing(found: TaskFolder, first: Score | Fault, language_of: LanguageOf) -> Iterator[str]:
    if isinstance(first, Fault):
        missing = missing_tools(first, found.files.main, language_of)
        if missing is not None:
            yield f"{missing.what}; {missing.todo}"


def _ceiling(found: TaskFolder, values: Sequence[float]) -> Iterator[str]:
    goal, sign = found.task.score.goals[0], found.task.score.signs[0]
    if values and sign > 0 and values[0] in _CEILINGS:
        yield f"{goal} is {values[0]:g} already, which may be the most that it can be"
    if values and sign < 0 and values[0] == 0:
        yield f"{goal} is 0 already, which may be the least that it can be"


def _varies(found: TaskFolder, values: Sequence[float]) -> Iterator[str]:
    if len(set(values)) < 2 or found.task.evaluate.repeats != 1:
        return
    low, high = apart(min(values), max(values))
    yield (
        f"the same program scored {low} to {high} in {len(values)} runs (time, chance, or "
        "the hour of the day): use evaluate.repeats = 0, which compares in pairs, or seeds"
    )


def apart(low: float, high: float) -> tuple[str, str]:
    """Two different numbers with so many digits, six at least, that they look different."""
    for digits in range(6, 18):
        words = f"{low:.{digits}g}", f"{high:.{digits}g}"
        if words[0] != words[1]:
            break
    return words


def _empty_blocks(found: TaskFolder) -> Iterator[str]:
    for path, data in found.files.initial.items():
        if any(
            not data[start:end].strip() for start, end in regions(data, found.task.program.blocks)
        ):
            yield f"{path}: nothing is in an EVOLVE-BLOCK, so nothing may change there"


def _reads_outside(found: TaskFolder) -> Iterator[str]:
    granted = found.task.limits.readable
    for path, code in {**found.files.fixed, **found.files.hidden}.items():
        if not path.endswith(_TEXTS):
            continue
        for match in _OUTSIDE.finditer(found.files.contents[code]):
            place = match[1].decode("utf-8", "replace")
            if not any(place.startswith(known) for known in granted):
                yield (
                    f"{path} names {place}, which trials cannot read: copy it into the task, or "
                    "name it in limits.readable"
                )
