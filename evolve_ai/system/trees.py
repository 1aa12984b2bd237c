"""Walks and removes folders that hostile programs have filled: any depth, number, or modes.

Nothing here recurses, builds long paths or follows links: folders are held by a few descriptors at
a time however deep they lie (openat(2)), and no other file system is entered.
"""

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from evolve_ai.model.errors import StorageError
from evolve_ai.system.files import FOLDER, opened

# Opens a folder without read permission: enough for stat(2), and to change its mode.
_AS_IT_IS = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWNER = stat.S_IRWXU
_AT_ONCE = 10_000  # folders whose names are kept in memory; others are found by another pass
_NO_FOLDER = (errno.ENOTDIR, errno.ELOOP)
_DISTURBANCES = 100  # times that something new may appear in a folder that was just emptied
_OPEN = 16  # levels of folders that a walk keeps open


def remove_tree(folder: Path) -> None:
    """Remove a folder, file, link, pipe, socket or device; it is no error if nothing is there.

    Inner folders are moved up, so that paths stay short. Folders whose modes are in the way get
    mode 0700. Links are removed, never followed, even if another process puts one in the way
    meanwhile. Mounted folders stay.
    Raises StorageError, with the first place where something stays, once all else is gone.
    """
    try:
        if not _is_folder(folder):
            folder.unlink(missing_ok=True)
            return
        empty_tree(folder)
        with suppress(FileNotFoundError):
            folder.rmdir()
    except OSError as error:
        raise _stays(folder, error) from error


def empty_tree(folder: Path, keep: Collection[str] = ()) -> None:
    """Remove everything in a folder, as `remove_tree` does, but not the folder itself, and none of
    the names to `keep`."""
    try:
        with opened_for_owner(folder) as top:
            _Removal(folder, top, keep).all()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _stays(folder, error) from error


def discard(path: Path) -> None:
    """Remove as much as possible of what lies there; what stays is nobody's problem."""
    with suppress(StorageError):
        remove_tree(path)


def walk(folder: Path, *, mend: bool = False) -> Iterator[os.stat_result]:
    """The lstat(2) results of everything below a folder; a folder comes before its entries.

    Skipped are folders that cannot be read, entries that vanish or are moved meanwhile, and mounted
    folders. With `mend`, our own folders get mode 0700 if their modes prevent reading.
    Entries are read on demand. In memory are the names on the way down and, beyond 16 levels,
    those of the folders beside it.
    """
    with suppress(OSError):
        way = [_entered(folder, None, mend)]
        try:
            yield from _down(way, mend)
        finally:
            for level in way:
                level.close()


def tree_size(folder: Path) -> int:
    """The sum of the sizes of all files below a folder, in bytes; 0 without such a folder."""
    return sum(found.st_size for found in walk(folder) if not stat.S_ISDIR(found.st_mode))


@contextmanager
def opened_for_owner(folder: Path | str, below: int | None = None) -> Iterator[int]:
    """A descriptor of a folder (`below` that open one) of ours, whose modes are changed if they are
    in the way. OSError for a link, for another file, or for another owner."""
    as_it_is = os.open(folder, _AS_IT_IS, dir_fd=below)
    try:
        if os.fstat(as_it_is).st_mode & _OWNER != _OWNER:
            with suppress(PermissionError):  # another owner's: opening it may work all the same
                _give_back(as_it_is, below)
        with opened(".", as_it_is) as handle:
            yield handle
    finally:
        os.close(as_it_is)


def _give_back(as_it_is: int, below: int | None) -> None:
    if below is not None and _mount_of(as_it_is) != _mount_of(below):
        raise OSError(errno.EBUSY, "it is mounted there")
    os.chmod(f"/proc/self/fd/{as_it_is}", _OWNER)  # noqa: PTH101 - by descriptor, not by name


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _stays(folder: Path, error: OSError) -> StorageError:
    where = folder / str(error.filename) if error.filename else folder
    told, todo = error.strerror or str(error), "see who owns it (ls -ld) and who may write there"
    if error.errno in (errno.EPERM, errno.EACCES):
        todo = "see whose it is (ls -ld), and whether it may be removed at all (lsattr -d)"
    elif error.errno == errno.EBUSY:
        told, todo = "something is mounted there", "see what (findmnt), and umount it"
    elif error.errno == errno.ENOTEMPTY:
        told, todo = "somebody goes on writing there", "see who (fuser -v), and end it"
    return StorageError(f"cannot be removed: {told}", where=where, todo=todo)


@dataclass(slots=True)
class _Removal:
    """Empties one folder. Folders found at any depth become entries of it, under new names."""

    folder: Path
    top: int
    keep: Collection[str] = ()  # names in `top`
    token: str = field(default_factory=lambda: f".removed-{os.urandom(8).hex()}-")
    moved: int = 0
    waiting: list[str] = field(default_factory=list)  # names in `top`
    first: OSError | None = None  # why something stays

    def all(self) -> None:
        """Repeat until nothing is left: there may be more folders than names are kept of."""
        disturbed = 0
        while True:
            self.first = None
            overflowed, gone = self._take_all_of(self.top, "")
            while self.waiting:
                name = self.waiting.pop()
                more, fewer = self._remove_moved(name)
                overflowed, gone = overflowed or more, gone + fewer
            if not gone:
                break
            disturbed += not overflowed
            if disturbed > _DISTURBANCES:
                raise OSError(errno.ENOTEMPTY, "it is written into")
        if self.first is not None:
            raise self.first

    def _remove_moved(self, name: str) -> tuple[bool, int]:
        try:
            with opened_for_owner(name, self.top) as at:
                overflowed, gone = self._take_all_of(at, name)
            os.rmdir(name, dir_fd=self.top)
        except FileNotFoundError:
            return False, 1
        except OSError as error:
            if error.errno in _NO_FOLDER and self._unlinked(name):
                return False, 1
            self._stays(error, name)
            return False, 0
        return overflowed, gone + 1

    def _unlinked(self, name: str) -> bool:
        """Unlink a name where a folder was replaced by another file; False if that fails."""
        with suppress(OSError):
            os.unlink(name, dir_fd=self.top)
            return True
        return False

    def _take_all_of(self, at: int, where: str) -> tuple[bool, int]:
        """Unlink or move up the entries of an open folder. Returns whether more folders moved than
        names are kept of, and how many entries are gone."""
        overflowed, gone = False, 0
        with os.scandir(at) as entries:
            for entry in entries:
                if at == self.top and entry.name in self.keep:
                    continue
                place = f"{where}/{entry.name}" if where else entry.name
                try:
                    if not entry.is_dir(follow_symlinks=False):
                        os.unlink(entry.name, dir_fd=at)
                        gone += 1
                        continue
                    name = self._moved_up(entry.name, at)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    self._stays(error, place)
                    continue
                gone += at != self.top
                if len(self.waiting) < _AT_ONCE:
                    self.waiting.append(name)
                else:
                    overflowed = True
        return overflowed, gone

    def _moved_up(self, name: str, at: int) -> str:
        """The new name of a folder in `top`. A mounted folder cannot be renamed, which protects
        what is mounted."""
        if at == self.top and name.startswith(self.token):
            return name
        new = f"{self.token}{self.moved}"
        self.moved += 1
        try:
            os.rename(name, new, src_dir_fd=at, dst_dir_fd=self.top)
        except PermissionError:
            # Moving a folder to another parent needs write permission in the folder itself.
            with opened_for_owner(name, at):
                pass
            os.rename(name, new, src_dir_fd=at, dst_dir_fd=self.top)
        return new

    def _stays(self, error: OSError, place: str) -> None:
        if self.first is None:
            self.first = OSError(error.errno, error.strerror, place)


def _mount_of(handle: int) -> str:
    """The line that names the mount of an open file (/proc/pid/fdinfo, proc(5))."""
    told = Path(f"/proc/self/fdinfo/{handle}").read_text()
    return next((line for line in told.splitlines() if line.startswith("mnt_id:")), "")


@dataclass(slots=True)
class _Level:
    """A folder on the way down: open, or closed and known by its numbers and remaining folders."""

    numbers: tuple[int, int]  # of device and inode
    handle: int | None
    listed: "os._ScandirIterator[str] | None"
    rest: list[str] = field(default_factory=list)  # folders not visited yet, once it is closed

    def close(self) -> None:
        if self.listed is not None:
            self.listed.close()
        if self.handle is not None:
            os.close(self.handle)
        self.listed = self.handle = None


def _entered(folder: Path | str, below: int | None, mend: bool) -> _Level:
    with (opened_for_owner if mend else opened)(folder, below) as looked_at:
        seen = os.fstat(looked_at)
        handle = os.dup(looked_at)
    try:
        return _Level((seen.st_dev, seen.st_ino), handle, os.scandir(handle))
    except BaseException:
        os.close(handle)
        raise


def _down(way: list[_Level], mend: bool) -> Iterator[os.stat_result]:
    device = way[0].numbers[0]
    while way:
        level = way[-1]
        name = None
        for found in _next_of(level):
            if isinstance(found, str):
                name = found
                break
            yield found
        if name is None:
            _up(way)
            continue
        with suppress(OSError):
            inner = _entered(name, level.handle, mend)
            way.append(inner)
            if inner.numbers[0] != device:
                way.pop().close()
            elif len(way) > _OPEN:
                yield from _shut(way[-_OPEN - 1])


def _next_of(level: _Level) -> Iterator[os.stat_result | str]:
    """The stat results of the next entries, up to and including a folder; then that one's name."""
    if level.rest:
        yield level.rest.pop()
    for entry in level.listed or ():
        with suppress(OSError):
            yield entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                yield entry.name


def _shut(level: _Level) -> Iterator[os.stat_result]:
    """Read the rest of a folder and close it, since its descriptor is needed further down."""
    if level.handle is None:
        return
    for found in _next_of(level):
        if isinstance(found, str):
            level.rest.append(found)
        else:
            yield found
    level.close()


def _up(way: list[_Level]) -> None:
    """Leave a folder. If the one above was closed, reopen it by `..` and check that it is it."""
    left = way.pop()
    above = way[-1] if way else None
    try:
        if above is not None and above.handle is None and left.handle is not None:
            with suppress(OSError):
                above.handle = os.open("..", FOLDER, dir_fd=left.handle)
                seen = os.fstat(above.handle)
                if (seen.st_dev, seen.st_ino) != above.numbers:
                    above.close()  # the folder that we leave was moved elsewhere meanwhile
        if above is not None and above.handle is None:
            above.rest.clear()
    finally:
        left.close()
