"""The budgets of a population: how full each is, how many may be born, and which must die."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Protocol

TIGHT = 0.9  # of a budget: above this a population does not grow
DEATHS_A_CYCLE = 0.1  # of the living: the most that die for budgets in a cycle
# Of the places: the population that a budget never reduces further. It is larger if something other
# than agents fills the budget.
LEAST = 0.1
LEAST_BESIDE_OTHERS = 0.5
FEWEST = 2  # a single agent has no mate
AGENTS = "agents"
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


class Resource(StrEnum):
    MEMORY = "memory"
    DISK = "disk"
    INODES = "inodes"
    DESCRIPTORS = "descriptors"


class Allowances(Protocol):
    """The limits of a population in the settings; 0: what the machine has."""

    @property
    def memory_bytes(self) -> int: ...
    @property
    def disk_bytes(self) -> int: ...
    @property
    def inodes(self) -> int: ...
    @property
    def descriptors(self) -> int: ...


ON_DISK = (Resource.DISK, Resource.INODES)


@dataclass(frozen=True, slots=True)
class Budget:
    """What the population uses and may use of a resource; bytes, or a count.

    `each` is an estimate of one agent's use. `left` is what the machine has left for all programs,
    minus a reserve. `parts` are the uses, with that of agents among them (empty: agents use all).
    """

    resource: Resource
    used: int
    allowed: int
    each: int
    left: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The used part; 1 means full."""
        return self.used / self.allowed if self.allowed > 0 else 1.0

    @property
    def over(self) -> bool:
        return self.used >= self.allowed

    @property
    def theirs(self) -> bool:
        """True if agents use most of it. If a registry or logs have filled a disk, the deaths of
        agents would free next to nothing, and the files would grow on."""
        if self.resource not in ON_DISK or not self.parts:
            return True
        return 2 * self.parts.get(AGENTS, 0) >= self.used

    def least(self, places: int) -> int:
        """How many agents of a population with so many places live on, however full it is."""
        share = LEAST if self.theirs else LEAST_BESIDE_OTHERS
        return min(places, max(FEWEST, ceil(share * places)))

    @property
    def tight(self) -> bool:
        """True if there is no room for new agents, whatever has taken it."""
        return self.share >= TIGHT or self.left <= 0

    def room(self) -> int:
        """For how many new agents there is room before the budget is tight."""
        if self.tight:
            return 0
        return int(min(TIGHT * self.allowed - self.used, self.left) // max(1, self.each))

    def excess(self, leaving: int) -> int:
        """How many must die besides the `leaving` to get below the limit; 0 if that cannot help."""
        rest = self.used - leaving * self.each
        if not self.over or not self.theirs or rest < self.allowed:
            return 0
        return ceil((rest - self.allowed + 1) / max(1, self.each))


@dataclass(frozen=True, slots=True)
class Consumer:
    """A living agent as budgets see it. Energy in thousandths, age in cycles."""

    id: str
    energy: int
    age: int
    running: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """What budgets require: at most so many births, and these deaths, the poorest first.

    `causes` are the budgets that require anything, in the given order.
    """

    births: int
    deaths: tuple[str, ...]
    causes: tuple[Budget, ...]


def cut(
    budgets: Sequence[Budget],
    mouths: Sequence[Consumer],
    births: int,
    leaving: int = 0,
    places: int = 0,
) -> Cut:
    """The births and deaths that keep the population within its budgets, out of `births` wanted.

    `mouths` are the agents that would live on; `leaving` more die anyway. At most a tenth of the
    living die in a cycle. A population near a limit does not grow, but dead agents are replaced. It
    may grow up to the least that each budget leaves it, and never shrinks below that.
    """
    least = min((budget.least(places) for budget in budgets), default=0)
    most = min(max(1, int(DEATHS_A_CYCLE * len(mouths))), len(mouths) - max(1, least))
    doomed: dict[str, None] = {}
    for budget in budgets:
        # The death of an agent that does not run frees neither memory nor descriptors.
        frees = [mouth for mouth in _poorest(mouths) if mouth.running or budget.resource in ON_DISK]
        doomed |= dict.fromkeys(mouth.id for mouth in frees[: budget.excess(leaving)])
    deaths = tuple(mouth.id for mouth in _poorest(mouths) if mouth.id in doomed)[: max(0, most)]
    rooms = [max(b.room(), leaving, b.least(places) - len(mouths)) for b in budgets]
    acting = tuple(
        budget
        for budget, room in zip(budgets, rooms, strict=True)
        if room < births or (deaths and budget.excess(leaving) > 0)
    )
    allowed = min([births, *rooms])
    return Cut(0 if deaths else allowed, deaths, acting)


def _poorest(mouths: Sequence[Consumer]) -> list[Consumer]:
    """Sorted by energy (least first), then by age (oldest first), then by id."""
    return sorted(mouths, key=lambda mouth: (mouth.energy, -mouth.age, mouth.id))


def shown(resource: Resource, amount: int) -> str:
    """An amount of a resource, in words."""
    return in_bytes(amount) if resource in (Resource.MEMORY, Resource.DISK) else f"{amount:,}"


def in_bytes(amount: float) -> str:
    """Bytes, in a suitable unit."""
    unit = 0
    while abs(amount) >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{amount:.0f} bytes"
