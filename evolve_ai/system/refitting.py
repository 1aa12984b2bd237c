"""Turns the folder of a dead agent into that of another one: what is the same stays, all else goes.

A file system makes and removes files slowly, and most files of two agents are the same.
"""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from evolve_ai.system.files import opened
from evolve_ai.system.trees import remove_tree

_TO_FIT = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def refit(place: int, name: str, files: Mapping[str, bytes], empty: Iterable[str] = ()) -> None:
    """Let the folder `name`, in the open folder `place`, hold exactly these files and these `empty`
    folders, all with the modes and the owner of new ones.

    No link is followed, and no file is kept or written into that has a second name.
    Raises OSError or StorageError; then the folder is good for nothing but removal.
    """
    parts: dict[str, dict[str, bytes]] = {folder: {} for folder in ("", *empty)}
    for path, data in files.items():
        parent, _, file = path.rpartition("/")
        parts.setdefault(parent, {})[file] = data
    for folder in list(parts):
        while folder:
            folder = folder.rpartition("/")[0]
            parts.setdefault(folder, {})
    for folder, wanted in sorted(parts.items()):  # a folder comes before those in it
        inner = {path.rpartition("/")[2] for path in parts if path and _parent(path) == folder}
        _fit_folder(place, f"{name}/{folder}".rstrip("/"), wanted, inner)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _fit_folder(place: int, path: str, wanted: Mapping[str, bytes], inner: Collection[str]) -> None:
    """Fit one folder. Those above it are fitted already: so none of them is a link."""
    with opened(path, place) as at:
        seen = os.fstat(at)
        if seen.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to somebody else")
        if stat.S_IMODE(seen.st_mode) != 0o777 & ~_umask():
            os.fchmod(at, 0o777 & ~_umask())
        with os.scandir(at) as entries:
            for entry in list(entries):
                right = inner if entry.is_dir(follow_symlinks=False) else wanted
                if entry.name not in right:
                    remove_tree(Path(f"/proc/self/fd/{at}/{entry.name}"))
        for name in inner:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=at)
        for name, data in wanted.items():
            _fit_file(at, name, data)


def _fit_file(at: int, name: str, data: bytes) -> None:
    try:
        handle = os.open(name, _TO_FIT, dir_fd=at)
    except OSError:
        handle = -1
    if handle >= 0 and not _is_as_if_new(handle):
        os.close(handle)
        handle = -1
    if handle < 0:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=at)
        handle = os.open(name, _NEW, 0o644, dir_fd=at)
    try:
        _fill(handle, data)
    finally:
        os.close(handle)


def _is_as_if_new(handle: int) -> bool:
    seen = os.fstat(handle)
    return (
        seen.st_mode == stat.S_IFREG | (0o644 & ~_umask())
        and seen.st_uid == os.geteuid()
        and seen.st_nlink == 1
    )


def _fill(handle: int, data: bytes) -> None:
    """Write what is not there yet."""
    size = os.fstat(handle).st_size
    if size == len(data) and (not size or os.pread(handle, size, 0) == data):
        return
    written = 0
    while written < len(data):
        written += os.pwrite(handle, data[written:], written)
    os.ftruncate(handle, len(data))


@cache
def _umask() -> int:
    """That of this process (proc_pid_status(5)), which nobody here changes."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022
