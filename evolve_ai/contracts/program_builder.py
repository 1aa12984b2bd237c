"""The contract of a builder: compiles the programs of candidates before they are evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evolve_ai.model.candidate import Sources
from evolve_ai.model.trial import Fault


@dataclass(frozen=True, slots=True)
class Built:
    """An executable file, by its SHA-256."""

    code: str
    data: bytes


class ProgramBuilder(Protocol):
    # How many programs it compiles at a time, at most.
    most: int

    # One answer for each program, in order; the same whatever it is built with. A program that does
    # not compile is a Fault. Raises EvolveError where the machine or the toolchain fails, or
    # the task itself cannot be built; then nothing is said of any program.
    def build(self, programs: Sequence[Sources]) -> Sequence[Built | Fault]: ...
