"""Owns processes: starting them, ending them, and never signalling a stranger.

A process is spoken to through its pidfd. A child that forks twice leaves us: it is found again
only once a subreaper owns the colony.
"""

import contextlib
import ctypes
import errno
import functools
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.model.errors import EvolveError
from evolve_ai.system.exits import Exit, Room
from evolve_ai.system.identity import Identity

READ_FD = 3
WRITE_FD = 4

# Nothing of ours leaks into an agent: no tokens, no proxies, no locale of the user.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

# Python ignores SIGPIPE and SIGXFSZ; a program of any other language expects the default.
DEFAULT_SIGNALS = frozenset(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
_CLONE_FS = 0x200
# Of two that the kernel may end for want of memory, the agent goes first.
_OOM_SCORE = b"500"
# While an agent is started, limits and, at worst, the working folder of this whole process are
# the agent's: what another thread starts must not get them.
STARTING = threading.Lock()
_OUR_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})


class LimitError(EvolveError):
    """A limit of this machine or account leaves no room for another agent."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What to start and where. The child opens `in_path` and `out_path` itself, as 3 and 4,
    so that no description (and no O_NONBLOCK) is shared with us."""

    file: Path
    arguments: Sequence[str]
    argv0: str
    folder: Path
    log: int
    in_path: str
    out_path: str
    room: Room = field(default_factory=Room)


def spawn(launch: Launch) -> int:
    """Start a process in a session of its own and return its pid.

    OSError when the program cannot be run, LimitError when the machine has no room.
    posix_spawn(3) cannot change the folder before Python gives us addchdir, so we stand in the
    agent's folder for a moment: this thread alone, where the kernel lets us.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, launch.log, 1),
        (os.POSIX_SPAWN_DUP2, launch.log, 2),
        (os.POSIX_SPAWN_OPEN, READ_FD, launch.in_path, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, WRITE_FD, launch.out_path, os.O_WRONLY, 0),
    ]
    program = launch.file.absolute()
    with our_limits(), STARTING, _standing_in(launch.folder), _no_core_files():
        pid = os.posix_spawn(
            program,
            [launch.argv0, *launch.arguments],
            ENVIRONMENT,
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=DEFAULT_SIGNALS,
        )
    # Same share of the processor, but a percept that wakes it does not put us off our turn.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    _confine(pid, launch.room)
    return pid


def _confine(pid: int, room: Room) -> None:
    """Limit a process that has just begun; what it does before it is greeted is little."""
    for kind, wanted in (
        (resource.RLIMIT_FSIZE, room.file_bytes),
        (resource.RLIMIT_AS, room.memory_bytes),
        (resource.RLIMIT_NOFILE, room.descriptors),
    ):
        limit(pid, kind, wanted)
    with contextlib.suppress(OSError):
        handle = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)
        try:
            os.write(handle, _OOM_SCORE)
        finally:
            os.close(handle)


def limit(pid: int, kind: int, wanted: int) -> None:
    """Set a limit of a process of ours, and of all that it starts later (prlimit(2))."""
    _, hard = resource.getrlimit(kind)
    bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    # The same system call has just told us of our own limit: only a process that is gone already
    # can refuse.
    with contextlib.suppress(OSError):
        resource.prlimit(pid, kind, (bound, bound))


@contextlib.contextmanager
def our_limits() -> Iterator[None]:
    """Turns "too many" and "no memory" into a LimitError that says what to raise."""
    try:
        yield
    except OSError as error:
        if error.errno not in _OUR_LIMITS:
            raise
        raise _limit_error(error) from error


def _limit_error(error: OSError) -> LimitError:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if error.errno == errno.EMFILE:
        return LimitError(
            f"this process may hold {soft} descriptors, and an agent takes three",
            todo=f"raise it (ulimit -n, now at most {hard}; LimitNOFILE= in a systemd unit), "
            "or keep a smaller population",
        )
    if error.errno == errno.ENFILE:
        return LimitError(
            "this machine has no file descriptors left", todo="raise sysctl fs.file-max"
        )
    return LimitError(
        f"this machine has no room for another process: {error.strerror}",
        todo="look at free memory, ulimit -u, pids.max of the cgroup, sysctl kernel.pid_max",
    )


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    # Each time, since a thread that we start shares our working folder anew.
    _part_with_the_folder_of_other_threads()
    home = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(home)
        os.close(home)


def _part_with_the_folder_of_other_threads() -> None:
    """A working folder for this thread alone; where that is forbidden, all go on sharing one."""
    if sys.version_info >= (3, 12):
        with contextlib.suppress(OSError):
            os.unshare(_CLONE_FS)
    else:
        _libc().unshare(_CLONE_FS)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@contextlib.contextmanager
def _no_core_files() -> Iterator[None]:
    """Thousands of crashing agents would fill the disk; the limit is inherited by the child."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if soft == 0:
        yield
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def raise_descriptor_limit() -> int:
    """Lift the soft limit of descriptors to the hard one; return how many we may hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def keep_descriptors_from_children() -> None:
    """Mark what we inherited ourselves close-on-exec (PEP 446 covers what Python opened)."""
    for entry in list(Path("/proc/self/fd").iterdir()):
        if int(entry.name) > 2:
            with contextlib.suppress(OSError):
                os.set_inheritable(int(entry.name), False)


def collect(pidfd: int, pid: int) -> Exit | None:
    """The exit of our own child, reaped together with its process group; None while it runs."""
    try:
        if os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        # By number, and yet no stranger: the pid of a zombie of ours cannot be given anew.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        found = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    except ChildProcessError:
        return Exit()  # reaped by another: how it ended is lost
    assert found is not None
    if found.si_code == os.CLD_EXITED:
        return Exit(code=found.si_status)
    return Exit(signal=found.si_status)


def send(pidfd: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def ended(pidfds: Iterable[int], seconds: float) -> set[int]:
    """Wait until all of these have ended, or the time is up; return those that have."""
    open_fds, done = set(pidfds), set()
    poll = select.poll()
    for pidfd in open_fds:
        poll.register(pidfd, select.POLLIN)
    deadline = time.monotonic() + seconds
    while open_fds:
        left = deadline - time.monotonic()
        events = poll.poll(max(0.0, left) * 1000)
        for pidfd, _ in events:
            poll.unregister(pidfd)
            open_fds.discard(pidfd)
            done.add(pidfd)
        if not events and left <= 0:
            break
    return done


def adopt_or_none(identity: Identity) -> int | None:
    """A pidfd of this very process; None when it is gone or its pid is another's now."""
    try:
        with our_limits():
            pidfd = os.pidfd_open(identity.pid)
    except OSError:
        return None
    # Asked after the pidfd was opened: if the pid changed hands meanwhile, so did its start time.
    if identity.lives():
        return pidfd
    os.close(pidfd)
    return None


def end_strangers_left_behind(
    identities: Iterable[Identity], *, grace: float = 2.0, last: float = 2.0
) -> tuple[Identity, ...]:
    """End what a killed orchestrator left running: SIGTERM, grace seconds, SIGKILL.

    Returns those that still run after `last` more seconds. Reused pids are left alone.
    """
    held: dict[int, Identity] = {}
    try:
        for identity in identities:
            pidfd = adopt_or_none(identity)
            if pidfd is not None:
                held[pidfd] = identity
        left = set(held)
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, last)):
            for pidfd in left:
                send(pidfd, number)
            left -= ended(left, seconds)
        return tuple(held[pidfd] for pidfd in sorted(left))
    finally:
        for pidfd in held:
            os.close(pidfd)
