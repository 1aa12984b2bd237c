"""Measures the budgets: what a population may use, and what it uses at present."""

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from evolve_ai.model.budget import AGENTS, Allowances, Budget, Resource
from evolve_ai.model.capacity import UNLIMITED
from evolve_ai.model.remedy import BUILDS, LIFE_CYCLE, LOGS, OTHERS, REGISTRY, STORE
from evolve_ai.system import machine
from evolve_ai.system.consumption import Holdings, folders_of, holdings, memory_of
from evolve_ai.system.project import Folders
from evolve_ai.system.reserves import (
    AGENT_BYTES,
    DESCRIPTORS_PER_AGENT,
    DISK_RESERVE,
    FOLDER_BYTES,
    FOLDER_INODES,
    INODE_RESERVE,
    MEMORY_SHARE,
    MIB,
    OWN_DESCRIPTORS,
)

_KINDS = {"store": STORE, "build": BUILDS}
LOOK_SECONDS = 60.0  # between two measurements of folders


class Housekeeping:
    """The budgets of one project. Their limits are fixed when this is made.

    `colonies` is the number of processes that run the agents.
    """

    def __init__(self, folders: Folders, limits: Allowances, ids: Sequence[str], colonies: int = 1):
        self._folders = folders
        self._colonies = colonies
        self._looked = -LOOK_SECONDS
        self._look(ids)
        disk = self._held(len(ids))
        self._allowed = {
            Resource.MEMORY: memory_allowed(limits),
            Resource.DISK: limits.disk_bytes or disk.bytes + max(0, self._disk_left()),
            Resource.INODES: limits.inodes or disk.inodes + max(0, self._inodes_left()),
            Resource.DESCRIPTORS: limits.descriptors or colonies * machine.descriptors(),
        }

    def budgets(self, ids: Sequence[str], pids: Collection[int]) -> tuple[Budget, ...]:
        """How full each budget is, for these agents and the processes of the running ones."""
        self._look(ids)
        disk = self._held(len(ids))
        held = {**self._ours, AGENTS: self._folder.times(len(ids), 1)}
        in_bytes = {name: part.bytes for name, part in held.items()}
        in_files = {name: part.inodes for name, part in held.items()}
        running = {
            LIFE_CYCLE: OWN_DESCRIPTORS * self._colonies,
            AGENTS: DESCRIPTORS_PER_AGENT * len(pids),
        }
        return tuple(
            Budget(kind, used, self._allowed[kind], each, left, parts)
            for kind, used, each, left, parts in (
                (Resource.MEMORY, *_memory(pids), _memory_left(), {}),
                (Resource.DISK, disk.bytes, self._folder.bytes, self._disk_left(), in_bytes),
                (Resource.INODES, disk.inodes, self._folder.inodes, self._inodes_left(), in_files),
                (
                    Resource.DESCRIPTORS, sum(running.values()), DESCRIPTORS_PER_AGENT, UNLIMITED,
                    running,
                ),
            )
            if self._allowed[kind] < UNLIMITED
        )  # fmt: skip

    def _look(self, ids: Sequence[str]) -> None:
        """Measure folders, once a minute at most: a sample of agents' folders, and our own."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        at = self._folders
        self._folder = folders_of(at.agents, ids) if ids else Holdings()
        if not self._folder.bytes:
            self._folder = Holdings(FOLDER_BYTES, FOLDER_INODES)
        self._ours = by_kind(at)

    def _held(self, agents: int) -> Holdings:
        total = self._folder.times(agents, 1)
        for part in self._ours.values():
            total = total.plus(part)
        return total

    def _disk_left(self) -> int:
        return _less(machine.disk_free(*self._places()), DISK_RESERVE)

    def _inodes_left(self) -> int:
        return _less(machine.inodes_free(*self._places()), INODE_RESERVE)

    def _places(self) -> tuple[Path, ...]:
        return self._folders.agents, self._folders.workspace, self._folders.logs


def by_kind(folders: Folders) -> dict[str, Holdings]:
    """The disk space of each part of a project besides its agents."""
    found = {LOGS: holdings(folders.logs)}
    with suppress(OSError):
        for entry in folders.workspace.iterdir():
            kind = _KINDS.get(entry.name, OTHERS)
            kind = REGISTRY if entry.name.lstrip(".").startswith("registry.") else kind
            found[kind] = found.get(kind, Holdings()).plus(holdings(entry))
    return found


def memory_allowed(limits: Allowances) -> int:
    """Bytes that all agents together may use."""
    return limits.memory_bytes or int(MEMORY_SHARE * machine.memory_total())


def _memory(pids: Collection[int]) -> tuple[int, int]:
    """The memory of all agents, and of each of them on average."""
    found = memory_of(pids)
    used = sum(found.values())
    return used, used // len(found) if found else AGENT_BYTES


def _memory_left() -> int:
    """The available memory, minus a reserve for us: 1/16 of the machine, at most half a GiB."""
    reserve = min(512 * MIB, machine.memory_total() // 16)
    return _less(machine.memory_available(), reserve)


def _less(there: int, reserve: int) -> int:
    return there if there >= UNLIMITED else there - reserve
