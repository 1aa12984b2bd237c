"""Reads the outcome of a trial: a score, a fault of the candidate, or a failure of the machine."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from evolve_ai.model.job import JobEnd, Outcome
from evolve_ai.model.task_settings import ScoreSettings
from evolve_ai.model.trial import Cause, Fault, Judgement, Score, Undecided

RESULT = "result.json"  # in the scratch folder
FAULT = "evolve_fault"  # the key by which the harness names a cause; `reason` says more
COST = "cost"
_ARTIFACTS = "artifacts"
_CAUSES = {
    JobEnd.SECONDS: Cause.TIMEOUT,
    JobEnd.SILENCE: Cause.TIMEOUT,
    JobEnd.CPU: Cause.TIMEOUT,
    JobEnd.MEMORY: Cause.OOM,
    JobEnd.OUTPUT: Cause.OUTPUT,
    JobEnd.DISK: Cause.OUTPUT,
    JobEnd.PROCESSES: Cause.PROCESSES,
}
_TOLD = 4096  # characters of an output that an artifact keeps
_LONGEST = 256 * 1024  # bytes of a result
_MOST = 1000  # metrics of a result


class Unreadable(Exception):
    """A result that is no score: the cause and what is wrong with it."""

    def __init__(self, cause: Cause, reason: str):
        super().__init__(reason)
        self.fault = Fault(cause, reason)


def read(outcome: Outcome, score: ScoreSettings) -> Judgement:
    """Never raises for what is in an outcome."""
    if outcome.end in (JobEnd.MACHINE, JobEnd.CANCELLED):
        return Undecided(outcome.reason or str(outcome.end))
    artifacts = _outputs(outcome)
    if outcome.end is not JobEnd.EXITED:
        return Fault(_CAUSES[outcome.end], outcome.reason or str(outcome.end), artifacts)
    try:
        if outcome.code != 0:
            _refuse_crash(outcome)
        return _score(_parsed(outcome), outcome, score)
    except Unreadable as error:
        return replace(error.fault, artifacts=artifacts)


def _refuse_crash(outcome: Outcome) -> None:
    body = _body(outcome)
    if isinstance(body, Mapping) and FAULT in body:
        _refuse_told(body)
    how = f"signal {-outcome.code}" if outcome.code < 0 else f"exit code {outcome.code}"
    words = _last_line(outcome.stderr)
    raise Unreadable(Cause.CRASH, f"{how}: {words}" if words else how)


def _refuse_told(told: Mapping[str, Any]) -> None:
    """What the harness says of a Python evaluator."""
    known = str(told[FAULT])
    cause = Cause(known) if known in list(Cause) else Cause.NO_RESULT
    raise Unreadable(cause, str(told.get("reason", "no reason was given"))[:_TOLD])


def _body(outcome: Outcome) -> Any:
    data = outcome.files.get(RESULT)
    if data is None or len(data) > _LONGEST:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _parsed(outcome: Outcome) -> Mapping[str, Any]:
    data = outcome.files.get(RESULT)
    if data is None:
        raise Unreadable(
            Cause.NO_RESULT,
            f"the evaluator ended without writing a result to {RESULT} (a link, a pipe, a folder "
            f"or a file of many MiB is none; at most {_LONGEST >> 10} KiB are read)",
        )
    if len(data) > _LONGEST:
        raise Unreadable(Cause.NO_RESULT, f"the result has {len(data)} bytes, over {_LONGEST}")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Unreadable(Cause.NO_RESULT, f"the result is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise Unreadable(Cause.NO_RESULT, f"the result is {_kind(body)}, not a map of metrics")
    if FAULT in body:
        _refuse_told(body)
    if len(body) > _MOST:
        raise Unreadable(Cause.NO_RESULT, f"the result has over {_MOST} entries")
    return body


def _score(body: Mapping[str, Any], outcome: Outcome, asked: ScoreSettings) -> Score:
    metrics: dict[str, float] = {}
    texts: dict[str, str] = {}
    for name, value in body.items():
        if name == _ARTIFACTS:
            continue
        if isinstance(value, str) and name not in (*asked.goals, asked.correct):
            texts[name] = value[:_TOLD]
        elif value is not None or name in asked.goals:
            metrics[name] = _number(name, value)
    if outcome.cost is not None:
        metrics[COST] = outcome.cost
        texts["cost_kind"] = outcome.cost_kind
    if asked.correct:
        if asked.correct not in metrics:
            raise Unreadable(Cause.NO_RESULT, f"the result has no {asked.correct!r}")
        if not metrics[asked.correct]:
            raise Unreadable(Cause.INCORRECT, texts.get("error", f"{asked.correct} is false"))
    for goal in asked.goals:
        if goal not in metrics:
            there = ", ".join(metrics) or "nothing"
            raise Unreadable(Cause.NO_RESULT, f"the result has no {goal!r}; it has {there}")
    goals = tuple(s * metrics[g] for s, g in zip(asked.signs, asked.goals, strict=True))
    private = {name: metrics.pop(name) for name in asked.private if name in metrics}
    return Score(goals, metrics, private, texts, _artifacts(body.get(_ARTIFACTS)))


def _number(name: str, value: object) -> float:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        words = f"{_kind(value)}: {str(value)[:60]!r}"
        raise Unreadable(Cause.NOT_A_NUMBER, f"{name} is {words}; a metric is a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Unreadable(Cause.NOT_A_NUMBER, f"{name} is {number}; a metric is finite")
    return number


def _kind(value: object) -> str:
    kinds = {str: "text", list: "a list", dict: "a map", type(None): "nothing", bool: "a bool"}
    return kinds.get(type(value), "a number")


def _artifacts(told: object) -> dict[str, str]:
    if not isinstance(told, Mapping):
        return {}
    return {str(name)[:100]: str(text)[: 4 * _TOLD] for name, text in list(told.items())[:20]}


def _outputs(outcome: Outcome) -> dict[str, str]:
    pairs = (("stderr", outcome.stderr), ("stdout", outcome.stdout))
    return {name: _ends(data) for name, data in pairs if data.strip()}


def _ends(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if len(text) <= _TOLD:
        return text
    return f"{text[: _TOLD // 4]}\n[...]\n{text[-3 * _TOLD // 4 :]}"


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip()[:300] if lines else ""
