"""The contract of an environment: the world that pays and charges energy."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from evolve_ai.model.world import Act, Percept, Resident, Season


class Environment(Protocol):
    """A world of one deme. A cycle is: move_in, then for each tick its phases, then close."""

    name: str

    # How many times in a tick agents are asked, a part of them each time.
    phases: int

    # The residents of this cycle, and the tick at which the world stands.
    def move_in(self, residents: Sequence[Resident], tick: int, cycle: int) -> None: ...

    # Between two ticks: what became of some of these residents. Who has a process now is asked,
    # who lost its memory is told what it lacks, genes cost what they cost; energy stays.
    def resettle(self, residents: Sequence[Resident]) -> None: ...

    # What the agents asked in this phase get, by id.
    def percepts(self, phase: int) -> Mapping[str, Percept]: ...

    # What they answered, by id; who is missing did not answer.
    def hear(self, phase: int, acts: Mapping[str, Act]) -> None: ...

    # Settle the tick and move on to the next.
    def end_tick(self) -> None: ...

    # Settle the cycle.
    def close(self) -> Season: ...


class World(Protocol):
    """What an environment plug-in offers: worlds to live in, and a fresh one to be examined in."""

    name: str

    # A world for so many places.
    def open(self, places: int) -> Environment: ...

    # What a tick costs an agent whose program is so large (1.0: a mean founder's), in thousandths
    # of energy.
    def cost(self, load: float) -> int: ...

    # A world without history on values that nobody has lived through, or None.
    def exam(self, places: int) -> "Examination | None": ...


class Examination(Protocol):
    """An environment whose accounts hold scores on a held-out stretch."""

    @property
    def environment(self) -> Environment: ...

    # How many ticks it takes.
    @property
    def ticks(self) -> int: ...

    # Which values these are, in words.
    @property
    def stretch(self) -> str: ...

    # Something simple to be better than, by name, and its scores.
    @property
    def baseline(self) -> tuple[str, Mapping[str, float]]: ...
