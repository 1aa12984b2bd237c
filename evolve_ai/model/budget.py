"""The budgets of a population: how full each is, who may be born, and who has to go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from typing import Protocol

TIGHT = 0.9  # of a budget: from here on a population does not grow
DEATHS_A_CYCLE = 0.1  # of the living, at most, die for a budget in a cycle
# Of the places: what a budget leaves a population. More where it is not agents who fill it.
LEAST = 0.1
LEAST_BESIDE_OTHERS = 0.5
FEWEST = 2  # one alone has nobody to breed with
AGENTS = "agents"
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


class Resource(StrEnum):
    MEMORY = "memory"
    DISK = "disk"
    INODES = "inodes"
    DESCRIPTORS = "descriptors"


class Allowances(Protocol):
    """What a population may use at most, by the settings; 0: what the machine has."""

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
    """What the population uses of a resource, and may use; bytes, or a count.

    `each` is what one agent takes of it, about; `left` is what the machine has left for all of
    its programs, less a reserve; `parts` are what it is used for, agents among it (none: all is
    theirs).
    """

    resource: Resource
    used: int
    allowed: int
    each: int
    left: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The part that is used: 1 when full."""
        return self.used / self.allowed if self.allowed > 0 else 1.0

    @property
    def over(self) -> bool:
        return self.used >= self.allowed

    @property
    def theirs(self) -> bool:
        """Do agents hold most of it? Where a registry or logs have filled a disk, the death of
        agents frees next to nothing, and those grow on."""
        if self.resource not in ON_DISK or not self.parts:
            return True
        return 2 * self.parts.get(AGENTS, 0) >= self.used

    def least(self, places: int) -> int:
        """How many of a population with so many places live on whatever is full."""
        share = LEAST if self.theirs else LEAST_BESIDE_OTHERS
        return min(places, max(FEWEST, ceil(share * places)))

    @property
    def tight(self) -> bool:
        """No room for newcomers, whoever took it."""
        return self.share >= TIGHT or self.left <= 0

    def room(self) -> int:
        """For how many newcomers there is room before the budget is tight."""
        if self.tight:
            return 0
        return int(min(TIGHT * self.allowed - self.used, self.left) // max(1, self.each))

    def excess(self, leaving: int) -> int:
        """How many must go, beside the `leaving`, to get back below; 0 where that is no help."""
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
    """What budgets ask for: at most so many births, and the deaths of these, the poorest first.

    `causes` are the budgets that ask for anything, in the order in which they were given.
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
    """What has to happen for the population to keep its budgets, when `births` are asked for.

    `mouths` are those who would live on; `leaving` more die anyway. One cycle costs a tenth of the
    living at most. A population near a budget does not grow, but who dies is replaced; it may grow
    up to the least that a budget leaves it, and none of those dies for it.
    """
    least = min((budget.least(places) for budget in budgets), default=0)
    most = min(max(1, int(DEATHS_A_CYCLE * len(mouths))), len(mouths) - max(1, least))
    doomed: dict[str, None] = {}
    for budget in budgets:
        # Who does not run gives no memory and no descriptor back.
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
    """Least energy first, then the oldest; by id where these are equal."""
    return sorted(mouths, key=lambda mouth: (mouth.energy, -mouth.age, mouth.id))


def shown(resource: Resource, amount: int) -> str:
    """An amount of a resource in words."""
    return in_bytes(amount) if resource in (Resource.MEMORY, Resource.DISK) else f"{amount:,}"


def in_bytes(amount: float) -> str:
    """Bytes, in the unit that suits them."""
    unit = 0
    while abs(amount) >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{amount:.0f} bytes"
