"""Publishes files completely or not at all, and turns disk errors into our own."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolve_ai.model.errors import StorageError

# Opens a folder, but no link to one.
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TO_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FULL = (errno.ENOSPC, errno.EDQUOT)
_MOST_TEXT = 64 << 20  # bytes
_ROOM, _PAGE = 1 << 20, 4096  # bytes
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@contextmanager
def storage_errors(where: Path) -> Iterator[None]:
    """Turn errors of a full or failing disk into StorageError; other OSErrors pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                "the disk is full", where=where, todo="free some space, then run again"
            ) from error
        if error.errno == errno.EFBIG:
            raise too_large(where) from error
        if error.errno in _REFUSED:
            raise StorageError(
                f"cannot be written: {error.strerror}",
                where=where,
                todo="check who owns this folder and how it is mounted",
            ) from error
        raise


def too_large(where: Path) -> StorageError:
    """The error where RLIMIT_FSIZE or the file system allows no file of this size."""
    return StorageError(
        "a file would be larger than this account may write",
        where=where,
        todo="raise the limit (ulimit -f), then run again",
    )


def publish(path: Path, data: bytes, *, durable: bool = True, mode: int = 0o644) -> None:
    """Write a file under a temporary name, then rename it: readers see the old or the new one.

    `durable` fsyncs file and folder, so that the file survives a power cut.
    Raises StorageError when the disk is full or fails.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)


def publish_if_changed(path: Path, data: bytes) -> bool:
    """Publish, without fsync, unless the file has exactly this content; True if it was written.

    Anything else in its place (a pipe, a link, a file of another size) is replaced without being
    read.
    """
    if holds(path, data):
        return False
    publish(path, data, durable=False)
    return True


def holds(path: Path, data: bytes) -> bool:
    """Has the file exactly this content? False for one that is missing, too large or no file."""
    try:
        return read_regular(path, len(data)) == data
    except OSError:
        return False


def read_regular(path: str | Path, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; OSError for anything else."""
    handle = os.open(path, _TO_READ)  # not opened_regular(): this is done for each file of a scan
    try:
        size = _checked_size(handle, path, limit)
        data = os.read(handle, size + 1)
        while len(data) < size and (more := os.read(handle, size)):
            data += more
        return data
    finally:
        os.close(handle)


def read_settings_text(path: Path) -> str:
    """The text of a regular file, or of one that a link leads to; a byte order mark, which some
    editors write, is left out. OSError for anything else (a pipe would never end),
    UnicodeDecodeError."""
    data = read_regular(os.path.realpath(path), _MOST_TEXT)
    return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def opened_regular(path: str | Path, limit: int) -> Iterator[tuple[int, int]]:
    """A descriptor of a regular file of at most `limit` bytes, and its size; OSError for anything
    else. Does not block on pipes, and does not follow links."""
    handle = os.open(path, _TO_READ)
    try:
        yield handle, _checked_size(handle, path, limit)
    finally:
        os.close(handle)


def _checked_size(handle: int, path: str | Path, limit: int) -> int:
    seen = os.fstat(handle)
    if not stat.S_ISREG(seen.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    if seen.st_size > limit:
        raise OSError(
            errno.EFBIG, f"it has {seen.st_size} bytes, at most {limit} are allowed", str(path)
        )
    return seen.st_size


def is_full(error: StorageError) -> bool:
    """True if the disk is full, as opposed to one place that cannot be written."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in (*_FULL, errno.EFBIG)


def check_room(folder: Path) -> None:
    """StorageError if the disk of this folder is full, or this account may write no more on it."""
    seen = os.statvfs(folder)
    with storage_errors(folder), tempfile.TemporaryFile(dir=folder) as file:
        if seen.f_bavail * seen.f_frsize < _ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        file.write(b"\0" * _PAGE)
        file.flush()


def sync_folder(folder: Path) -> None:
    """Make the directory entries of a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(folder: Path | str, below: int | None = None) -> Iterator[int]:
    """A descriptor of a folder (`below` that open one); OSError for a link or another file."""
    handle = os.open(folder, FOLDER, dir_fd=below)
    try:
        yield handle
    finally:
        os.close(handle)
