"""Owns the contract of an environment: the world that pays and charges energy."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from evolve_ai.model.world import Act, Percept, Resident, Season


class Environment(Protocol):
    """A world of one deme. A cycle is: settle_in, then for each tick its phases, then close."""

    name: str

    # How many times in a tick agents are asked, a part of them each time.
    phases: int

    # The residents of this cycle, and the tick at which the world stands.
    def settle_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None: ...

    # What the agents asked in this phase get, by id.
    def percepts(self, phase: int) -> Mapping[str, Percept]: ...

    # What they answered, by id; who is missing did not answer.
    def hear(self, phase: int, acts: Mapping[str, Act]) -> None: ...

    # Settle the tick and move on to the next.
    def end_tick(self) -> None: ...

    # Settle the cycle.
    def close(self) -> Season: ...
