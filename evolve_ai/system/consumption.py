"""Measures what a population uses: memory of its processes, disk of its folders.

Resident memory counts the pages of a program once per agent, though all agents share one copy. So
the sum is that of resident minus shared memory.
"""

import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from evolve_ai.system.proc_stat import folder_of, private_memory
from evolve_ai.system.trees import walk

_BLOCK = 512  # bytes; the unit of st_blocks on every file system
# Page tables, stack and kernel structures of a small process; no file in /proc gives their sum.
KERNEL_BYTES = 80 * 1024
SAMPLE = 32  # folders of agents that are measured; the others are assumed to be like them


@dataclass(frozen=True, slots=True)
class Holdings:
    """What files use on disk: allocated bytes, and inodes."""

    bytes: int = 0
    inodes: int = 0

    def plus(self, other: "Holdings") -> "Holdings":
        return Holdings(self.bytes + other.bytes, self.inodes + other.inodes)

    def times(self, count: int, of: int) -> "Holdings":
        return Holdings(self.bytes * count // of, self.inodes * count // of) if of else Holdings()


def memory_of(pids: Iterable[int]) -> Mapping[int, int]:
    """Bytes of memory that each of these processes does not share, by pid; processes that are gone
    are left out."""
    found = {}
    for pid in pids:
        private = private_memory(pid)
        if private is not None:
            found[pid] = private + KERNEL_BYTES
    return found


def in_their_folders(pids: Mapping[str, int], agents: Path) -> Mapping[str, int]:
    """Those of these pids (by agent) whose process has the folder of its agent as working folder.

    The registry may be outdated, and another process may have the pid by now.
    """
    root, found = str(agents.resolve()), {}
    for agent, pid in pids.items():
        place = folder_of(pid)
        if place is not None and str(place) == f"{root}/{agent}":
            found[agent] = pid
    return found


def folders_of(agents: Path, ids: Sequence[str]) -> Holdings:
    """An estimate for agents' folders: the sum over a sample, and the size of that sample."""
    step = max(1, len(ids) // SAMPLE)
    chosen = ids[::step][:SAMPLE]
    total = Holdings()
    for agent in chosen:
        total = total.plus(holdings(agents / agent))
    return total.times(1, len(chosen))


def holdings(folder: Path) -> Holdings:
    """What a folder and all below it uses. Links are not followed, files that vanish meanwhile are
    not counted, and a file with several names is counted once."""
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
