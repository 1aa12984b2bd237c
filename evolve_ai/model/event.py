"""The event: one thing that happened. Fields by kind are documented in docs/events.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    FOUNDING = "founding"
    BIRTH = "birth"
    MUTATION = "mutation"
    BUILD = "build"
    START = "start"
    EXIT = "exit"
    RESTART = "restart"
    QUARANTINE = "quarantine"
    REVIVAL = "revival"
    DEATH = "death"
    CYCLE = "cycle"
    COMMAND = "command"
    TAINT = "taint"
    BUDGET = "budget"
    SANDBOX = "sandbox"
    INPUTS = "inputs"
    CANDIDATE = "candidate"
    IMPROVEMENT = "improvement"
    STAGNATION = "stagnation"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, in which cycle, to which agent (None: to the population)."""

    kind: Kind
    cycle: int
    agent: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A committed event: its number in the sequence, its time (ISO 8601, UTC), its run."""

    seq: int
    ts: str
    run: str
    event: Event

    def line(self) -> dict[str, Any]:
        """The event as one flat object, as written to events.jsonl."""
        return {
            "seq": self.seq,
            "ts": self.ts,
            "run": self.run,
            "cycle": self.event.cycle,
            "event": str(self.event.kind),
            "agent": self.event.agent,
            **self.event.data,
        }
