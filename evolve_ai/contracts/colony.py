"""The contract of a colony: desired state in, observations out, here or on another node."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import (
    Adopted,
    Between,
    Farewell,
    Order,
    Settled,
    Start,
    Turned,
)
from evolve_ai.model.usage import Usage


class Colony(Protocol):
    """The processes of whole demes, and the worlds they live in. Orders are idempotent: given
    again after a kill, under the same title, they are finished and nothing is done twice."""

    # The pids of those who live here, by agent.
    def running(self) -> Mapping[str, int]: ...

    # Take over who lives of the agents that are known, and end whoever else lives here; `expected`
    # are the pids on record. Why one is not there is among the next faults.
    def adopt(self, known: Mapping[str, Start], expected: Mapping[str, int]) -> Adopted: ...

    # What was begun before is not gone on with: the next order is a new one, whatever its title.
    def forget(self) -> None: ...

    # Let these agents leave, and those run what their notes say.
    def settle(
        self, title: str | None, leave: Sequence[str], starts: Sequence[Start], *, remember: bool
    ) -> Settled: ...

    # Live a season; `between` is called after each tick.
    def turn(self, order: Order, between: Between) -> Turned: ...

    # Ask agents to leave, and see to it that they do.
    def stop(self, ids: Iterable[str]) -> Mapping[str, Farewell]: ...

    # Let everybody hear of us, and learn who is no longer well.
    def ping(self) -> Mapping[str, Fault]: ...

    # Faults that were noticed since.
    def reap(self) -> Mapping[str, Fault]: ...

    # What the outside forced on the colony since last asked.
    def take_taints(self) -> tuple[str, ...]: ...

    # What the agents that run have used.
    def sample(self) -> Mapping[str, Usage]: ...

    # The programs that agents run now.
    def files(self) -> frozenset[Path]: ...

    # Descriptors that are readable when somebody has died or spoken; none where nobody can wait.
    def handles(self) -> tuple[int, ...]: ...

    # What was told before the last call of this is on record.
    def committed(self) -> None: ...

    # Let go of everybody: they live on, for whoever adopts them.
    def detach(self) -> None: ...

    # End everybody at once.
    def close(self) -> None: ...
