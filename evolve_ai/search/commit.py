"""The verb commit: what a candidate leaves in the registry, and the digest of history."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evolve_ai.model.brief import Placement
from evolve_ai.model.candidate import Candidate, Sources
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.trial import Score
from evolve_ai.search.asking import Asked
from evolve_ai.state.search import Committed


@dataclass(frozen=True, slots=True)
class Step:
    """A committed candidate, for whoever watches."""

    candidate: Candidate
    placement: Placement
    improved: bool
    before: Score | None  # the best score before it
    notes: tuple[str, ...] = ()


def next_digest(before: str, one: Candidate, program: str) -> str:
    """The next link of the chain: what was proposed from whom, and what came out. What depends on
    the outside (times, slots, processes) has no part in it."""
    body = [
        before,
        one.number,
        program,
        one.parents,
        one.operators,
        None if one.score is None else one.score.goals,
        None if one.fault is None else str(one.fault.cause),
        one.reused,
    ]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def batch_of(
    asked: Asked, one: Candidate, placement: Placement, improved: bool, digest: str, new: Sources
) -> Committed:
    return Committed(
        candidate=one,
        program=asked.program,
        contents={one.genome[path]: data for path, data in new.items()},
        kept=placement.kept,
        improved=improved,
        placement=placement.where,
        island=asked.island,
        digest=digest,
        events=events_of(one, placement, improved),
    )


def events_of(one: Candidate, placement: Placement, improved: bool) -> list[Event]:
    score, fault = one.score, one.fault
    data: dict[str, Any] = {
        "number": one.number,
        "parents": list(one.parents),
        "operators": list(one.operators),
        "score": None if score is None else score.value,
        "cause": None if fault is None else str(fault.cause),
        "reason": None if fault is None else fault.reason[:300],
        "kept": placement.kept,
        "where": placement.where,
        "reused": one.reused,
    }
    events = [Event(Kind.CANDIDATE, one.number, one.id, data)]
    if improved and score is not None:
        told = {"number": one.number, "goals": list(score.goals), "metrics": {**score.metrics}}
        events.append(Event(Kind.IMPROVEMENT, one.number, one.id, told))
    return events


def taint_event(number: int, reason: str) -> Event:
    return Event(Kind.TAINT, number, None, {"reason": reason})


def stagnation_event(number: int, since: int, step: float, answer: str) -> Event:
    data: Mapping[str, Any] = {"since": since, "step": step, "answer": answer}
    return Event(Kind.STAGNATION, number, None, data)
