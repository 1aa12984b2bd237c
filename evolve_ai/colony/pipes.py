"""Makes and opens the two named pipes of each agent.

Each process gets new pipes: so nobody who held the old pair (a child of the dead agent, say) can
answer in its name, and no stale byte is read. They outlive the orchestrator: the next one opens
them again.
"""

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pipes:
    """Our ends of two pipes: `inward` carries frames to the agent, `outward` from it."""

    inward: int
    outward: int
    inward_path: str
    outward_path: str

    def close(self) -> None:
        os.close(self.inward)
        os.close(self.outward)

    def remove(self) -> None:
        """Close our ends and remove the pipes."""
        self.close()
        for path in (self.inward_path, self.outward_path):
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - speed


def make(folder: Path, agent: str) -> Pipes:
    """Make a new pair of pipes. Whatever lies at their paths is replaced, except a full folder.

    Raises OSError when the paths cannot be used.
    """
    for path in _paths(folder, agent):
        try:
            os.mkfifo(path, 0o600)
        except FileExistsError:
            _clear(Path(path))
            os.mkfifo(path, 0o600)
    return reopen(folder, agent)


def reopen(folder: Path, agent: str) -> Pipes:
    """Our ends of an existing pair. OSError when it is missing or not a pair of pipes."""
    inward_path, outward_path = _paths(folder, agent)
    # Read and write: so open() never waits for the agent, and no write raises SIGPIPE.
    inward = _open(inward_path, os.O_RDWR)
    try:
        outward = _open_to_read(outward_path)
    except OSError:
        os.close(inward)
        raise
    return Pipes(inward, outward, inward_path, outward_path)


def _paths(folder: Path, agent: str) -> tuple[str, str]:
    return f"{folder}/{agent}.in", f"{folder}/{agent}.out"


def _clear(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
        path.rmdir()


def _open_to_read(path: str) -> int:
    """Where we may (its owner, or root), no read writes a time to the disk (O_NOATIME)."""
    try:
        return _open(path, os.O_RDONLY | os.O_NOATIME)
    except PermissionError:
        return _open(path, os.O_RDONLY)


def _open(path: str, mode: int) -> int:
    handle = os.open(path, mode | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if stat.S_ISFIFO(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "not a named pipe", path)
