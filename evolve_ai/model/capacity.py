"""How many agents a machine can hold: limits as values, and the one that bites first."""

from collections.abc import Sequence
from dataclasses import dataclass

UNLIMITED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of this machine or account.

    `allowed` is all that there is for us, `own` what the life-cycle and the compiler take of it,
    `each` what an agent takes; `unit` is "bytes", or what there is to say of a count. `todo` says
    how to raise it.
    """

    name: str
    allowed: int
    own: int
    each: int
    unit: str
    todo: str

    @property
    def unlimited(self) -> bool:
        return self.allowed >= UNLIMITED

    @property
    def agents(self) -> int:
        """How many agents there is room for."""
        return max(0, self.allowed - self.own) // max(1, self.each)

    def needed(self, population: int) -> int:
        return self.own + population * self.each


def tightest(bounds: Sequence[Bound]) -> Bound | None:
    """The limit that bites first; None where nothing is limited."""
    limited = [bound for bound in bounds if not bound.unlimited]
    return min(limited, key=lambda bound: bound.agents, default=None)
