"""Writes the result of a trial as JSON, and reads it back."""

import json
from collections.abc import Mapping
from typing import Any

from evolve_ai.model.trial import Cause, Fault, Score


def to_text(result: Score | Fault) -> str:
    """Without artifacts, which are kept apart. Numbers are read back as they were."""
    return json.dumps(to_map(result), separators=(",", ":"))


def to_map(result: Score | Fault) -> dict[str, Any]:
    if isinstance(result, Fault):
        return {"cause": str(result.cause), "reason": result.reason}
    body: dict[str, Any] = {"goals": list(result.goals), "metrics": dict(result.metrics)}
    if result.private:
        body["private"] = dict(result.private)
    if result.texts:
        body["texts"] = dict(result.texts)
    return body


def from_text(text: str, artifacts: Mapping[str, str] | None = None) -> Score | Fault:
    body = json.loads(text)
    kept = artifacts or {}
    if "cause" in body:
        return Fault(Cause(body["cause"]), body["reason"], kept)
    return Score(
        tuple(body["goals"]), body["metrics"], body.get("private", {}), body.get("texts", {}), kept
    )
