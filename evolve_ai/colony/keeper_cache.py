"""Keeps the keeper's program in the user's cache, so that it is compiled once for all projects.

    $XDG_CACHE_HOME/evolve/keeper/<key>/evolve-keeper        (XDG Base Directory Specification 0.8)

The program there is run with all rights of the user, so it is used only if no other user can have
written it.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from evolve_ai.colony.keeper_recipe import PROGRAM, USAGE, key
from evolve_ai.model.errors import MachineError, StorageError
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.files import publish
from evolve_ai.system.processes import ENVIRONMENT

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LIMITS = Limits(total=10.0, silence=10.0)


def cached() -> Path | None:
    """The program of our sources, if the cache has it, it is safe, and it runs on this machine."""
    place = _place()
    if place is not None:
        with suppress(OSError, MachineError):
            if _is_ours(place.lstat()) and _is_shut(place.parent) and _runs(place):
                return place
    return None


def keep(program: Path) -> None:
    """Copy a program into the cache, unless that is full, read-only, or writable by others."""
    place = _place()
    if place is not None:
        with suppress(OSError, StorageError):
            _make(place.parent)
            if _is_shut(place.parent):
                publish(place, program.read_bytes(), mode=0o755)


def _place() -> Path | None:
    folder = _folder()
    return folder and folder / "evolve" / "keeper" / key() / PROGRAM


def _folder() -> Path | None:
    """The cache folder. A relative path is ignored, and a missing home is not created."""
    folder = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if folder.is_absolute():
        return folder
    home = Path(os.environ.get("HOME", ""))
    return home / ".cache" if home.is_absolute() and home.is_dir() else None


def _make(folder: Path) -> None:
    """Create the missing folders (mode 0700), if no other user can interfere above them."""
    missing = [level for level in (folder, *folder.parents) if not level.exists()]
    if all(map(_is_firm, _ways(missing[-1].parent if missing else folder))):
        for level in reversed(missing):
            level.mkdir(mode=0o700, exist_ok=True)


def _is_ours(seen: os.stat_result) -> bool:
    """True for a regular file that only this user or root can write."""
    return stat.S_ISREG(seen.st_mode) and _has_our_owner(seen) and not seen.st_mode & _OTHERS


def _is_shut(folder: Path) -> bool:
    """True if no other user can write here or replace the folder."""
    return not folder.stat().st_mode & _OTHERS and all(map(_is_firm, _ways(folder)))


def _ways(folder: Path) -> set[Path]:
    """All folders on the path, and on the path of each link that is met there."""
    found: set[Path] = set()
    ahead = [folder]
    while ahead:
        way = ahead.pop()
        new = {way, *way.parents} - found
        found |= new
        ahead += [level.parent / level.readlink() for level in new if level.is_symlink()]
    return found


def _is_firm(folder: Path) -> bool:
    """True if no other user can move our entries in this folder, or lead the link to it elsewhere.
    Where others may write, the sticky bit prevents that (inode(7))."""
    seen = folder.stat()
    if not (_has_our_owner(seen) and _has_our_owner(folder.lstat())):
        return False
    return bool(seen.st_mode & stat.S_ISVTX) or not seen.st_mode & _OTHERS


def _has_our_owner(seen: os.stat_result) -> bool:
    return seen.st_uid in (0, os.geteuid())


def _runs(program: Path) -> bool:
    """True if it starts. It may lack libraries: several machines can share a home."""
    done = run_command([str(program)], cwd=program.parent, env=ENVIRONMENT, limits=_LIMITS)
    return done.code == USAGE
