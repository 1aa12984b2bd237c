"""What a sandbox is asked for: its level, the box of one process, what can be lifted."""

import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

STATE = "state"  # the folder in its own that an agent may write in


class Level(StrEnum):
    """How much stands between agents and everything else; each holds what those after it hold."""

    FULL = "full"  # namespaces (bubblewrap) around the keeper and each build, besides
    LANDLOCK = "landlock"  # Landlock and seccomp around each agent; no root, no namespaces
    NONE = "none"


class Protection(StrEnum):
    """What a box consists of. Tests lift one at a time, to see its attacks succeed."""

    FILES = "files"  # Landlock: only the paths of the box
    NETWORK = "network"  # no socket of any family
    PROCESSES = "processes"  # no fork, no other program
    THREADS = "threads"  # no more threads than the box says
    SIGNALS = "signals"  # none to other processes
    TRACING = "tracing"  # no ptrace, no memory of other processes
    KERNEL = "kernel"  # no mount, bpf, io_uring, keyctl, userfaultfd, ...
    METADATA = "metadata"  # no change of modes, owners, times and attributes of files
    PRIVILEGES = "privileges"  # no_new_privs, and no capability
    DESCRIPTORS = "descriptors"  # none is inherited beyond those meant for it
    ENVIRONMENT = "environment"  # only what is given
    LIMITS = "limits"  # rlimits: memory, file size, descriptors
    DISK = "disk"  # no room on it that no size of a file tells of
    SHARED = "shared"  # nothing of what is counted for all processes of a user together
    CRASHES = "crashes"  # no core, and none piped to a program outside of every box
    OOM = "oom"  # of all processes it is ended first where memory is short
    ENDING = "ending"  # no session or group of its own: one call ends a whole build


@dataclass(frozen=True, slots=True)
class Box:
    """What one process may touch. Paths are absolute; `writable` may be read, too.

    Where nothing lies at a path, nothing is granted. `threads` counts the first one.
    """

    readable: tuple[Path, ...] = ()
    executable: tuple[Path, ...] = ()  # read and run: libraries, a toolchain
    writable: tuple[Path, ...] = ()  # files and folders in it are made and removed
    threads: int = 1
    lifted: frozenset[Protection] = frozenset()


# Lifted at level none: even then a command keeps to its limits, and ends with all that it began.
EVERYTHING = frozenset(Protection) - {Protection.LIMITS, Protection.CRASHES, Protection.OOM}


@dataclass(frozen=True, slots=True)
class Confinement:
    """How the compilers of a language are boxed in; the language knows what they need to touch."""

    program: Path  # of the keeper, which makes the box
    readable: tuple[Path, ...] = ()  # besides, to read and run: a linker in a home, say
    bwrap: Path | None = None  # puts namespaces around each box
    lifted: frozenset[Protection] = frozenset()


@dataclass(frozen=True, slots=True)
class AgentBox:
    """What the boxes of all agents of a colony have in common. Each reads its own folder, and
    writes in `state/` there, which holds so many entries and bytes at most."""

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
        """A word that is another one where the boxes are others."""
        paths = [str(path) for path in self.libraries]
        told = repr((paths, self.threads, sorted(self.lifted)))
        return f"{zlib.crc32(told.encode('utf-8', 'surrogateescape')):08x}"
