"""Owns the programs of agents as they are handed to a keeper: looked at once, sealed, and executed
from these very bytes."""

import errno
import fcntl
import hashlib
import os
import stat
import weakref
from collections import OrderedDict
from pathlib import Path

from evolve_ai.model.report import Program

_MOST = 64  # that are held; each takes as much memory as the file is large
_PIECE = 1 << 20
_SAFE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
# memfd_create(2), fcntl(2); Python 3.11 knows no MFD_EXEC, which Linux before 6.3 refuses.
_MFD = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
_MFD_EXEC = 0x10
_LONGEST_NAME = 249
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class NotAsSignedError(Exception):
    """A file holds other bytes than those somebody vouched for; says so in words."""


class Held:
    """The bytes of a program, sealed. `name` is their SHA-256; `handle` is open as long as this
    lives."""

    __slots__ = ("__weakref__", "handle", "name")

    def __init__(self, name: str, handle: int):
        self.name = name
        self.handle = handle
        weakref.finalize(self, os.close, handle)


class Programs:
    """The programs used last, by what they hold."""

    def __init__(self) -> None:
        self._held: OrderedDict[object, Held] = OrderedDict()

    def hold(self, program: Program) -> Held:
        """NotAsSignedError where the file is not what it has to be; OSError where it cannot be
        read, or nobody may execute it.

        Without a hash that it has to have, it is looked at again as soon as it was changed.
        """
        if not program.sha256:
            return self._kept(_stamp(program.file), program)
        return self._kept(program.sha256, program)

    def _kept(self, key: object, program: Program) -> Held:
        held = self._held.pop(key, None) or _copy(program)
        self._held[key] = held
        if len(self._held) > _MOST:
            self._held.popitem(last=False)
        return held

    def close(self) -> None:
        self._held.clear()


def program_of(pid: int) -> Path:
    """The file that a process was started from, also where that was a copy of ours. OSError."""
    told = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - a name, and not always a path
    return Path(told.removeprefix("/memfd:").removesuffix(" (deleted)"))


def _stamp(file: Path) -> object:
    found = file.stat()
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _copy(program: Program) -> Held:
    source = os.open(program.file, _SAFE)
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
            raise PermissionError(errno.EACCES, "no program that may be executed", program.file)
        handle = _memory_file(program.file)
        try:
            sha256 = _copy_bytes(source, handle)
            fcntl.fcntl(handle, fcntl.F_ADD_SEALS, _SEALS)
            if program.sha256 not in ("", sha256):
                raise NotAsSignedError(
                    f"{program.file} is not what was signed: its SHA-256 is {sha256}, and not "
                    f"{program.sha256}"
                )
        except BaseException:
            os.close(handle)
            raise
    finally:
        os.close(source)
    return Held(sha256, handle)


def _memory_file(file: Path) -> int:
    """Named after the file: so /proc tells what a process runs."""
    name = os.fsencode(file.absolute())[-_LONGEST_NAME:]
    try:
        return os.memfd_create(os.fsdecode(name), _MFD | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(os.fsdecode(name), _MFD)


def _copy_bytes(source: int, target: int) -> str:
    """Their SHA-256."""
    digest = hashlib.sha256()
    while piece := os.read(source, _PIECE):
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
    return digest.hexdigest()
