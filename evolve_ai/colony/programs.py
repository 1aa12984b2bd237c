"""Holds the programs of agents in a form in which they cannot change: verified once, sealed, and
executed from these very bytes.

A program lies in sealed memory (memfd_create(2)). Some machines execute nothing from there (sysctl
vm.memfd_noexec, a seccomp filter, a security module). There it lies in a file without a name that
only this process and the keeper have open (O_TMPFILE in open(2)). That file is hashed after it was
written, so here, too, exactly the verified bytes are executed.
"""

import errno
import fcntl
import hashlib
import os
import stat
import tempfile
import weakref
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from evolve_ai.model.report import Program

_MOST = 64  # programs held; each takes as much memory as its file is large
_PIECE = 1 << 20
_SAFE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
# memfd_create(2), fcntl(2); Python 3.11 knows no MFD_EXEC, which Linux before 6.3 refuses.
_MFD = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
_MFD_EXEC = 0x10
_LONGEST_NAME = 249
AS_FILE = ".file"  # after the hash: lets the keeper distinguish the two forms of the same bytes
_UNKNOWN = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})  # no O_TMPFILE here
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class NotAsSignedError(Exception):
    """A file does not have the bytes that were vouched for; the message says how it differs."""


class NoMemoryFileError(OSError):
    """This machine does not let processes execute from memory."""


class Held:
    """The sealed bytes of a program. `name` is their SHA-256 and says where they lie; `handle` is
    open as long as this object lives."""

    __slots__ = ("__weakref__", "handle", "name")

    def __init__(self, name: str, handle: int):
        self.name = name
        self.handle = handle
        weakref.finalize(self, os.close, handle)


class Programs:
    """The most recently used programs, by content. `folder` is for files without a name, where
    memory may not be executed; without a folder such machines get NoMemoryFileError."""

    def __init__(self, folder: Path | None = None) -> None:
        self._held: OrderedDict[object, Held] = OrderedDict()
        self._folder = folder
        self.in_memory = True

    def hold(self, program: Program) -> Held:
        """Raises NotAsSignedError if the file differs from what is expected; OSError if it cannot
        be read or is not executable.

        Without an expected hash, the file is read again whenever it has changed.
        """
        if not program.sha256:
            return self._kept(_stamp(program.file), program)
        return self._kept(program.sha256, program)

    def leave_memory(self) -> bool:
        """Use files without a name for all later programs; False if that was so already."""
        left, self.in_memory = self.in_memory and self._folder is not None, False
        self._held.clear()
        return left

    def _kept(self, key: object, program: Program) -> Held:
        held = self._held.pop(key, None) or self._copied(program)
        self._held[key] = held
        if len(self._held) > _MOST:
            self._held.popitem(last=False)
        return held

    def _copied(self, program: Program) -> Held:
        if self.in_memory or self._folder is None:
            try:
                return _copy(program, None)
            except NoMemoryFileError:
                if not self.leave_memory():
                    raise
        return _copy(program, self._folder)

    def close(self) -> None:
        self._held.clear()


def program_of(pid: int) -> Path:
    """The file that a process was started from, even if it runs a sealed copy. Raises OSError."""
    told = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - not always a path
    return Path(told.removeprefix("/memfd:").removesuffix(" (deleted)"))


def _stamp(file: Path) -> object:
    found = file.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _copy(program: Program, folder: Path | None) -> Held:
    """Copy a program into memory, or into a file without a name in this folder."""
    source = os.open(program.file, _SAFE)
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
            raise PermissionError(errno.EACCES, "no program that may be executed", program.file)
        handle, sha256 = _in_memory(source, program) if folder is None else _in(folder, source)
    finally:
        os.close(source)
    if program.sha256 not in ("", sha256):
        os.close(handle)
        raise NotAsSignedError(
            f"{program.file} is not what was signed: its SHA-256 is {sha256}, and not "
            f"{program.sha256}"
        )
    return Held(sha256 if folder is None else sha256 + AS_FILE, handle)


def _in_memory(source: int, program: Program) -> tuple[int, str]:
    try:
        handle = _memory_file(program.file)
    except PermissionError as error:
        raise NoMemoryFileError(error.errno, f"memory for programs: {error.strerror}") from error
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        raise NoMemoryFileError(error.errno, f"memory for programs: {error.strerror}") from error
    try:
        sha256 = _copy_bytes(source, handle)
        fcntl.fcntl(handle, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(handle)
        raise
    return handle, sha256


def _in(folder: Path, source: int) -> tuple[int, str]:
    """A file without a name, reopened read-only: no writer is left when it is hashed."""
    writer = _nameless(folder)
    try:
        _copy_bytes(source, writer)
        os.fchmod(writer, 0o500)
        handle = os.open(f"/proc/self/fd/{writer}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writer)
    try:
        return handle, _hash_of(handle)
    except BaseException:
        os.close(handle)
        raise


def _nameless(folder: Path) -> int:
    try:
        # With O_EXCL no process can give it a name later (open(2)).
        return os.open(folder, os.O_TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    handle, name = tempfile.mkstemp(dir=folder)
    with suppress(FileNotFoundError):
        os.unlink(name)  # noqa: PTH108 - a file without O_TMPFILE
    return handle


def _hash_of(handle: int) -> str:
    digest, at = hashlib.sha256(), 0
    while piece := os.pread(handle, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _memory_file(file: Path) -> int:
    """A memory file with the name of the program, so that /proc shows what a process runs."""
    name = os.fsencode(file.absolute())[-_LONGEST_NAME:]
    try:
        return os.memfd_create(os.fsdecode(name), _MFD | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(os.fsdecode(name), _MFD)


def _copy_bytes(source: int, target: int) -> str:
    """Copy all bytes and return their SHA-256."""
    digest = hashlib.sha256()
    while piece := os.read(source, _PIECE):
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
    return digest.hexdigest()
