"""Measures what a population uses: memory of its processes, disk of its folders.

Resident memory counts the pages of the program once for each agent, though all share one copy. So
what is summed is resident less shared memory.
"""

import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from evolve_ai.system.listing import folder_of
from evolve_ai.system.proc_stat import private_memory
from evolve_ai.system.trees import walk

_BLOCK = 512  # the unit of st_blocks, whatever the file system
# Page tables, stack and tables of the kernel for a small process: no file of /proc sums them up.
KERNEL_BYTES = 80 * 1024
SAMPLE = 32  # folders of agents that are looked into; the others are taken to be like them


@dataclass(frozen=True, slots=True)
class Holdings:
    """What files take on disk: allocated bytes, and inodes."""

    bytes: int = 0
    inodes: int = 0

    def plus(self, other: "Holdings") -> "Holdings":
        return Holdings(self.bytes + other.bytes, self.inodes + other.inodes)

    def times(self, count: int, of: int) -> "Holdings":
        return Holdings(self.bytes * count // of, self.inodes * count // of) if of else Holdings()


def memory_of(pids: Iterable[int]) -> Mapping[int, int]:
    """Bytes of memory that each of these processes has to itself, by pid; who is gone is not in
    it."""
    found = {}
    for pid in pids:
        private = private_memory(pid)
        if private is not None:
            found[pid] = private + KERNEL_BYTES
    return found


def in_their_folders(pids: Mapping[str, int], agents: Path) -> Mapping[str, int]:
    """Of these pids (by agent) those whose process stands in the folder of its agent.

    What the registry says may be old, and the pid another's by now.
    """
    root, found = str(agents.resolve()), {}
    for agent, pid in pids.items():
        place = folder_of(pid)
        if place is not None and str(place) == f"{root}/{agent}":
            found[agent] = pid
    return found


def folders_of(agents: Path, ids: Sequence[str]) -> Holdings:
    """What an agent's folder takes, about: the sum over a sample, and how many were looked into."""
    step = max(1, len(ids) // SAMPLE)
    chosen = ids[::step][:SAMPLE]
    total = Holdings()
    for agent in chosen:
        total = total.plus(holdings(agents / agent))
    return total.times(1, len(chosen))


def holdings(folder: Path) -> Holdings:
    """What a folder and all below it takes. Links are not followed; who vanishes is not counted,
    and one file of several names is counted once."""
    size = inodes = 0
    linked: set[tuple[int, int]] = set()
    with suppress(OSError):
        for found in chain((folder.lstat(),), walk(folder)):
            if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
                if (found.st_dev, found.st_ino) in linked:
                    continue
                linked.add((found.st_dev, found.st_ino))
            size += found.st_blocks * _BLOCK
            inodes += 1
    return Holdings(size, inodes)
