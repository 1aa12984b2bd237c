"""How many agents a machine can hold: limits as values, and which is reached first."""

from collections.abc import Sequence
from dataclasses import dataclass

UNLIMITED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of this machine or account.

    `allowed` is the total for us, `own` the part of the life-cycle and the compiler, `each` the
    part of one agent; `unit` is "bytes", or a remark about a count. `todo` says how to raise the
    limit.
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
    """The limit that is reached first; None if nothing is limited."""
    limited = [bound for bound in bounds if not bound.unlimited]
    return min(limited, key=lambda bound: bound.agents, default=None)
