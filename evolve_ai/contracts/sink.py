"""The contract of an event sink."""

from collections.abc import Sequence
from typing import Protocol

from evolve_ai.model.event import Recorded


class Sink(Protocol):
    name: str

    # Take committed events, in order. Must not block a cycle; a failure is the sink's own affair.
    def deliver(self, events: Sequence[Recorded]) -> None: ...

    # Flush and release, within a few seconds.
    def close(self) -> None: ...
