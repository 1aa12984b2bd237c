"""Connects to the keeper of a folder: the one that lives there, or a new one."""

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.errors import EvolveError, MachineError
from evolve_ai.system import listing, processes
from evolve_ai.system.files import storage_errors
from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.patience import STEP, Patience
from evolve_ai.system.refusals import NOT_EXECUTED, of_error, refusal

_SOCKET = "keeper.sock"
_LOG = "keeper.log"
_PROTOCOL = "2"
_HELD = 3  # exit code of a keeper that finds another one in its folder
_ATTEMPTS = 3
_PAUSE = 0.002
_LAST = 2.0  # seconds that a process may take to end after SIGKILL
_WORDS = 300


class KeeperError(EvolveError):
    """No keeper can be started or reached."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A keeper that has greeted us. `fresh`: this call has started it, as our child."""

    connection: socket.socket
    pidfd: int
    identity: Identity
    fresh: bool


def reach(
    folder: Path,
    program: Path,
    orphan_seconds: int,
    patience: float,
    around: Sequence[str] = (),
) -> Reached:
    """Connect to the keeper of this folder. Start it if there is none; replace it if it does not
    greet within `patience` seconds. Raises KeeperError when nothing helps.

    `around` are the command words before those of a new keeper: a program that becomes its parent.
    """
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    started: int | None = None
    deadline = Patience(_ATTEMPTS * patience)
    try:
        while deadline.left > 0:
            reached = _greeted(folder, patience, started)
            if reached is not None:
                started = None if reached.fresh else started
                return reached
            if started is None:
                started = _start(program, folder, orphan_seconds, around)
            elif (code := _exit_code(started)) is not None:
                started = None
                _refuse_unless_held(code, folder)
            time.sleep(_PAUSE)
        if started is not None:  # the keeper behind the program around it did not greet
            listing.end_children(started)
    finally:
        if started is not None:
            _give_up(started)
    raise KeeperError(
        f"no keeper answers within {_ATTEMPTS * patience:.0f} s",
        where=folder,
        todo=f"see {_LOG} there, and who holds the lock: fuser -v keeper.lock",
    )


def reap(pidfd: int) -> None:
    """Remove the zombie of a child that has ended; other processes are left alone."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)


def _greeted(folder: Path, patience: float, started: int | None) -> Reached | None:
    connection = _connect(folder, patience)
    if connection is None:
        return None
    try:
        connection.settimeout(STEP)
        reached = _greeting(connection, started, Patience(patience))
    except TimeoutError:
        _end_silent(connection, folder)
        reached = None
    except OSError:  # it has just ended
        reached = None
    except BaseException:
        connection.close()
        raise
    if reached is None:
        connection.close()
    return reached


def _connect(folder: Path, patience: float) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    connection.settimeout(patience)
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        # A socket address has at most 108 bytes, and our paths may be longer.
        connection.connect(f"/proc/self/fd/{handle}/{_SOCKET}")
    except (FileNotFoundError, ConnectionError, BlockingIOError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise KeeperError(
            f"cannot be connected to: {error.strerror}",
            where=folder / _SOCKET,
            todo="run as the user who owns this project",
        ) from error
    finally:
        os.close(handle)
    return connection


def _greeting(connection: socket.socket, started: int | None, patience: Patience) -> Reached | None:
    """Read the greeting; None when it hangs up. TimeoutError when no known greeting comes."""
    length = int.from_bytes(_exactly(connection, 4, patience), "little")
    fields = _exactly(connection, length, patience).decode("utf-8", "replace").split("\0")
    pid = _peer(connection)
    if fields[0] == "keeper" and fields[1:2] != [_PROTOCOL]:
        raise TimeoutError  # another version: neither side would understand the other
    if fields[:3] != ["keeper", _PROTOCOL, str(pid)]:
        raise KeeperError(
            f"process {pid} does not answer like a keeper: {fields[:3]}",
            todo=f"end it if you do not need it: kill {pid}",
        )
    pidfd = os.pidfd_open(pid)
    identity = identify(pid)
    if identity is None:
        os.close(pidfd)
        return None
    connection.setblocking(False)
    return Reached(connection, pidfd, identity, pid == started)


def _exactly(connection: socket.socket, count: int, patience: Patience) -> bytes:
    """Read exactly so many bytes. TimeoutError when patience is over."""
    data = b""
    while len(data) < count:
        try:
            more = connection.recv(count - len(data))
        except TimeoutError:
            if patience.left <= 0:
                raise
            continue
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _peer(connection: socket.socket) -> int:
    """The pid of the process that listens there (unix(7), SO_PEERCRED)."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", packed)[0]
    return pid


def _end_silent(connection: socket.socket, folder: Path) -> None:
    """Kill a keeper that listens but does not greet (it is stopped, or of another version). Its
    agents live on."""
    pid = _peer(connection)
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # Checked after the pidfd was opened: so it cannot be a new process with the same pid.
        if not listing.stands_in(pid, folder):
            return
        processes.send(pidfd, signal.SIGKILL)
        processes.ended([pidfd], _LAST)
        reap(pidfd)
    except FileNotFoundError:
        return
    finally:
        os.close(pidfd)


def _start(program: Path, folder: Path, orphan_seconds: int, around: Sequence[str]) -> int:
    """Start a keeper in its own session; it inherits nothing but its arguments. Returns the pid."""
    files = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in range(3)]
    if around:  # its messages before there is a keeper go to the keeper's log
        how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        files[2] = (os.POSIX_SPAWN_OPEN, 2, str(folder.absolute() / _LOG), how, 0o644)
    first = (*around, str(program)) if around else (program.name,)
    try:
        return os.posix_spawn(
            around[0] if around else program,
            [*first, str(folder.absolute()), str(orphan_seconds)],
            processes.ENVIRONMENT,
            file_actions=files,
            setsid=True,
            setsigmask=(),
            setsigdef=processes.DEFAULT_SIGNALS,
        )
    except PermissionError as error:
        raise MachineError(
            f"the keeper may not be executed: {error.strerror}", where=program, todo=NOT_EXECUTED
        ) from error
    except OSError as error:
        if refused := of_error(error, "the keeper cannot be started"):
            raise refused from error
        raise KeeperError(
            f"the keeper cannot be started: {error.strerror}",
            where=program,
            todo="remove its folder; the next run makes it again",
        ) from error


def _exit_code(pid: int) -> int | None:
    """The exit code of our child, which is then reaped; None while it lives."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # it was killed as a silent keeper, and reaped there
        return _HELD
    return os.waitstatus_to_exitcode(status) if done else None


def _refuse_unless_held(code: int, folder: Path) -> None:
    """Raise KeeperError for an exit code, unless it met another keeper here."""
    if code != _HELD:
        words = _last_words(folder)
        if refused := refusal(words, what="the keeper cannot work", where=folder):
            raise refused
        raise KeeperError(
            f"the keeper ended with {code}: {words}",
            where=folder,
            todo="see that this folder can be written to, and run again",
        )


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / _LOG).read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    return lines[-1][:_WORDS] if lines else "it left no message"


def _give_up(pid: int) -> None:
    """End a process that did not become our keeper. It has no agents: no start was requested from
    it. If it is the program around a keeper that has greeted us, that keeper lives on."""
    if _exit_code(pid) is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
