"""The settings that a report of a population needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowed:
    """The budgets in the settings; 0: what the machine has."""

    memory_bytes: int
    disk_bytes: int
    inodes: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Outline:
    """`mode`, `sandbox.level` and the table `budget`."""

    mode: str
    sandbox: str
    budget: Allowed
