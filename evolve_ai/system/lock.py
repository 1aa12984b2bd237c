"""The lock of a project: it allows one life-cycle at a time, and shows which process has it."""

import fcntl
import json
import os
import stat
import weakref
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from evolve_ai.model.errors import HeldError
from evolve_ai.system.files import storage_errors
from evolve_ai.system.identity import Identity, identify

_NAME = "lock"
_MAX_BYTES = 4096
_PURPOSES = (b"life-cycle", b"init", b"import", b"build", b"stop", b"improve", b"best")
_LOCKS = Path("/proc/locks")


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a project, since when (ISO 8601, UTC), and its purpose ("" if unknown).

    `elsewhere`: it lives in another pid namespace (a container), so its pid means nothing here.
    """

    identity: Identity
    since: str
    purpose: str = ""
    elsewhere: bool = False

    @property
    def pid(self) -> int | None:
        """The pid; None for a holder in another pid namespace."""
        return None if self.elsewhere else self.identity.pid

    @property
    def brief(self) -> str:
        return str(self) if self.elsewhere else f"pid {self.identity.pid}"

    def __str__(self) -> str:
        if self.elsewhere:
            return "a process in another pid namespace (a container, say)"
        return f"process {self.identity.pid}"


class Lock:
    """A held project. release(), leaving the context, or the death of this process frees it.

    A file left behind does not matter: only kernel locks count (flock(2)), on the file and also on
    its folder, since the file may be removed meanwhile. Children forked without exec inherit no
    locks: they close them first, so that a kill of this process frees the project at once.
    """

    def __init__(self, workspace: Path, purpose: str = ""):
        """Raises HeldError, with the pid, when another process holds the project; StorageError when
        the disk is full or fails.
        """
        self._purpose = purpose
        self._path = workspace.absolute() / _NAME
        with storage_errors(self._path):
            self._take(workspace)
        here = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _let_go(here()))

    def _take(self, workspace: Path) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._handle = -1
        try:
            with suppress(_NoLocksOfFolders):
                _lock(self._folder)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._handle = os.open(self._path, flags, 0o644)
            _lock(self._handle)
        except BlockingIOError as error:
            self._close()
            raise _held(workspace, self._path) from error
        except BaseException:
            self._close()
            raise
        self._sign()

    def _sign(self) -> None:
        identity = identify(os.getpid())
        assert identity is not None
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(self._handle, 0)
        told = {"since": since, "purpose": self._purpose, "pid_namespace": _pid_namespace()}
        body = {**identity.to_map(), **told}
        os.pwrite(self._handle, json.dumps(body).encode(), 0)

    def release(self) -> None:
        if self._handle >= 0:
            os.ftruncate(self._handle, 0)
            self._close()

    def _close(self) -> None:
        for handle in (self._handle, self._folder):
            if handle >= 0:
                os.close(handle)
        self._handle = self._folder = -1

    def __enter__(self) -> "Lock":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _let_go(lock: Lock | None) -> None:
    """In a child: its copies keep the lock only as long as they are open."""
    if lock is not None:
        lock._close()


def holder(workspace: Path) -> Holder | None:
    """The living process that holds the project, or None.

    If its file was removed or replaced, the kernel's list of locks shows the process.
    """
    return _signed(workspace) or _unsigned(workspace)


def _unsigned(workspace: Path) -> Holder | None:
    """The process that has locked the folder (proc_locks(5)); not one of another pid namespace."""
    try:
        inode = workspace.stat().st_ino
        lines = _LOCKS.read_text().splitlines()
    except OSError:
        return None
    for words in map(str.split, lines):
        if len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
            pid = int(words[4])
            found = identify(pid) if pid > 0 else None
            if found is not None:
                return Holder(found, "", _purpose_of(pid))
    return None


def _purpose_of(pid: int) -> str:
    """The name of the command, from its command line: the first word that is a known purpose."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((word.decode() for word in words if word in _PURPOSES), "")


def _signed(workspace: Path) -> Holder | None:
    try:
        with (workspace / _NAME).open("rb") as file:
            body = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError):
        return None
    if not isinstance(body, dict):
        return None
    identity = Identity.from_map(body)
    if identity is None:
        return None
    elsewhere = body.get("pid_namespace", _pid_namespace()) != _pid_namespace()
    lives = _is_locked(workspace / _NAME) if elsewhere else identity.lives()
    if not lives:
        return None
    return Holder(identity, str(body.get("since", "")), str(body.get("purpose", "")), elsewhere)


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class _NoLocksOfFolders(OSError):
    """This network disk has no locks of folders; there only the lock of the file counts."""


def _lock(handle: int) -> None:
    """Raises BlockingIOError when another process has the lock."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise _NoLocksOfFolders(*error.args) from error
        raise


def _is_locked(path: Path) -> bool:
    """True if any process has the lock; used when the pid of the holder means nothing here."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _held(workspace: Path, path: Path) -> HeldError:
    found = holder(workspace)
    if found is None:
        return HeldError(
            "held by a process that has not left its name",
            where=path,
            todo="ask: fuser -v " + str(path),
        )
    kind = "search" if found.purpose in ("improve", "best") else "life-cycle"
    purpose = f" ({found.purpose})" if found.purpose else ""
    since = f" since {found.since}" if found.since else ", whose lock file somebody has removed"
    return HeldError(
        f"held by {found}{purpose}{since}",
        where=path,
        todo=f"wait for it; a {kind} ends with: evolve stop"
        + (", called where it runs" if found.elsewhere else ""),
    )
