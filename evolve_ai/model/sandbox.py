"""What a sandbox consists of: its level, the box of one process, protections that can be lifted."""

import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

STATE = "state"  # the folder, in an agent's own, to which the agent may write


class Level(StrEnum):
    """How agents are separated from everything else; each level includes those below it."""

    FULL = "full"  # also namespaces (bubblewrap) around the keeper and each build
    LANDLOCK = "landlock"  # Landlock and seccomp around each agent; no root, no namespaces
    NONE = "none"


class Protection(StrEnum):
    """The parts of a box. Tests lift one at a time, and then expect its attacks to succeed."""

    FILES = "files"  # Landlock: only the paths of the box
    NETWORK = "network"  # no socket of any family
    PROCESSES = "processes"  # no fork, no other program
    THREADS = "threads"  # no more threads than the box allows
    SIGNALS = "signals"  # none to other processes
    TRACING = "tracing"  # no ptrace, no memory of other processes
    KERNEL = "kernel"  # no mount, bpf, io_uring, keyctl, userfaultfd, ...
    METADATA = "metadata"  # no change of modes, owners, times and attributes of files
    PRIVILEGES = "privileges"  # no_new_privs, and no capability
    DESCRIPTORS = "descriptors"  # only those meant for it are inherited
    ENVIRONMENT = "environment"  # only the given variables
    LIMITS = "limits"  # rlimits: memory, file size, descriptors
    DISK = "disk"  # no disk space that file sizes do not show
    SHARED = "shared"  # nothing that the kernel counts for all processes of a user together
    CRASHES = "crashes"  # no core file, and no core piped to a program outside of the box
    OOM = "oom"  # the kernel ends it before all other processes when memory is short
    ENDING = "ending"  # no session or group of its own: so one call ends a whole build


@dataclass(frozen=True, slots=True)
class Box:
    """What one process may access. Paths are absolute; `writable` paths are readable, too.

    A path that does not exist grants nothing. `threads` includes the first one.
    """

    readable: tuple[Path, ...] = ()
    executable: tuple[Path, ...] = ()  # to read and run: libraries, a toolchain
    writable: tuple[Path, ...] = ()  # files and folders in it can be created and removed
    threads: int = 1
    lifted: frozenset[Protection] = frozenset()


# Lifted at level none. Even then a command keeps its limits, and ends with all its processes.
EVERYTHING = frozenset(Protection) - {Protection.LIMITS, Protection.CRASHES, Protection.OOM}


@dataclass(frozen=True, slots=True)
class Confinement:
    """How the compilers of a language are boxed; the language adds the paths that they need."""

    program: Path  # the keeper, which makes the box
    readable: tuple[Path, ...] = ()  # more paths to read and run: a linker in a home, say
    bwrap: Path | None = None  # makes namespaces around each box
    lifted: frozenset[Protection] = frozenset()


@dataclass(frozen=True, slots=True)
class AgentBox:
    """What the boxes of all agents of a colony have in common. Each agent reads its own folder, and
    writes to `state/` there, at most so many entries and bytes."""

    libraries: tuple[Path, ...] = ()
    threads: int = 1
    state_files: int = 64
    state_bytes: int = 64 * 1024 * 1024
    lifted: frozenset[Protection] = frozenset()

    def of(self, folder: Path) -> Box:
        return Box(
            readable=(folder,),
            executable=self.libraries,
            writable=(folder / STATE,),
            threads=self.threads,
            lifted=self.lifted,
        )

    @property
    def mark(self) -> str:
        """A word that differs between different boxes."""
        paths = [str(path) for path in self.libraries]
        told = repr((paths, self.threads, sorted(self.lifted)))
        return f"{zlib.crc32(told.encode('utf-8', 'surrogateescape')):08x}"
