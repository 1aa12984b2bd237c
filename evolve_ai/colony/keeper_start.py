"""Reaches the keeper of a folder: the one that lives there, or a new one."""

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
_HELD = 3  # exit code of a keeper that meets another in its folder
_ATTEMPTS = 3
_PAUSE = 0.002
_LAST = 2.0  # seconds that a SIGKILL may take
_WORDS = 300


class KeeperError(EvolveError):
    """No keeper can be started or reached."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A keeper that has greeted us. `fresh`: it is a child that we have just started."""

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
    """Connect to the keeper of this folder; start it where there is none, replace it where it
    does not greet within `patience` seconds. KeeperError when nothing helps.

    `around` are words before those of a new keeper: a program that becomes its parent.
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
        if started is not None:  # a keeper that something else was put around has not come to greet
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
    """Take away the zombie of a child that has ended; others are left alone."""
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
    except OSError:  # it ended just now
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
        # The address of a socket has at most 108 bytes, whatever the length of our paths.
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
    """None when it hangs up instead; TimeoutError when it says nothing we understand."""
    length = int.from_bytes(_exactly(connection, 4, patience), "little")
    fields = _exactly(connection, length, patience).decode("utf-8", "replace").split("\0")
    pid = _peer(connection)
    if fields[0] == "keeper" and fields[1:2] != [_PROTOCOL]:
        raise TimeoutError  # of another version: we would not understand each other
    if fields[:3] != ["keeper", _PROTOCOL, str(pid)]:
        raise KeeperError(
            f"process {pid} does not speak as a keeper: {fields[:3]}",
            todo=f"end it, if it is of no use: kill {pid}",
        )
    pidfd = os.pidfd_open(pid)
    identity = identify(pid)
    if identity is None:
        os.close(pidfd)
        return None
    connection.setblocking(False)
    return Reached(connection, pidfd, identity, pid == started)


def _exactly(connection: socket.socket, count: int, patience: Patience) -> bytes:
    """TimeoutError when patience is over."""
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
    """The pid of who listens there (unix(7), SO_PEERCRED)."""
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", packed)[0]
    return pid


def _end_silent(connection: socket.socket, folder: Path) -> None:
    """Kill a keeper that listens but does not greet: stopped, say, or of another version. Its
    agents live on."""
    pid = _peer(connection)
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        # Asked after the pidfd was opened, so that no stranger of this number is meant.
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
    """A keeper in a session of its own, with nothing of ours but its arguments."""
    files = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in range(3)]
    if around:  # what it says before there is a keeper stands where that writes
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
            todo="remove its folder: it is made anew by the next run",
        ) from error


def _exit_code(pid: int) -> int | None:
    """None while our child lives; it is reaped otherwise."""
    try:
        done, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:  # silent, and ended for it
        return _HELD
    return os.waitstatus_to_exitcode(status) if done else None


def _refuse_unless_held(code: int, folder: Path) -> None:
    """One that has met another keeper here does not matter; any other failure does."""
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
    return lines[-1][:_WORDS] if lines else "it has left no word"


def _give_up(pid: int) -> None:
    """It has no agents yet: nobody has asked it for one. Or it is what was put around a keeper:
    that has greeted us, and lives on without."""
    if _exit_code(pid) is None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
