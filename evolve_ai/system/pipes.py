"""Owns the pair of named pipes of each agent.

Made anew for each process, so that nobody who held the old pair (a child of the dead agent,
say) can speak for the new one, and no stale byte is read. They outlive the orchestrator.
"""

import contextlib
import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

# A child has its own use for 0 to 4; a descriptor of ours there would be closed under it.
_LOWEST = 5


@dataclass(frozen=True, slots=True)
class Pipes:
    """Our two ends: `inward` carries frames to the agent, `outward` from it."""

    inward: int
    outward: int
    inward_path: Path
    outward_path: Path

    def close(self) -> None:
        os.close(self.inward)
        os.close(self.outward)

    def remove(self) -> None:
        """Close our ends and take the pipes away."""
        self.close()
        for path in (self.inward_path, self.outward_path):
            with contextlib.suppress(OSError):
                path.unlink()

    # The child reopens what we hold, not what lies at the path by then; a new description each.
    @property
    def child_reads(self) -> str:
        return f"/proc/self/fd/{self.inward}"

    @property
    def child_writes(self) -> str:
        return f"/proc/self/fd/{self.outward}"


def make(folder: Path, agent: str) -> Pipes:
    """A fresh pair of pipes. Whatever lies at their paths is replaced, except a full folder.

    OSError when the paths cannot be used.
    """
    inward_path, outward_path = folder / f"{agent}.in", folder / f"{agent}.out"
    for path in (inward_path, outward_path):
        _clear(path)
        os.mkfifo(path, 0o600)
    # Read and write: opening never waits for the agent, and writing to a dead one is no SIGPIPE.
    inward = _open(inward_path, os.O_RDWR)
    try:
        outward = _open(outward_path, os.O_RDONLY)
    except OSError:
        os.close(inward)
        raise
    return Pipes(inward, outward, inward_path, outward_path)


def _clear(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
        path.rmdir()


def _open(path: Path, mode: int) -> int:
    return above_the_child(os.open(path, mode | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))


def above_the_child(handle: int) -> int:
    """The same description at a descriptor that a child does not use for its own."""
    if handle >= _LOWEST:
        return handle
    try:
        return fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, _LOWEST)
    finally:
        os.close(handle)
