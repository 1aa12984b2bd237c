"""Small disks (tmpfs) for tests: one fills up, or is read-only from one moment on."""

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Mount = Callable[..., Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a tmpfs of so many bytes; skips where that is not allowed."""
    places: list[Path] = []

    def mounted(name: str, size: str) -> Path:
        place = tmp_path / name
        place.mkdir()
        argv = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this user cannot mount a small disk: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mounted
    for place in places:
        subprocess.run(["umount", "-l", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def put_on(disk: Path, folder: Path) -> None:
    """Move a folder to the disk, and let a link stand where it was."""
    target = disk / folder.name
    shutil.copytree(folder, target, symlinks=True)
    shutil.rmtree(folder)
    folder.symlink_to(target)


def fill(disk: Path) -> Path:
    """Leave not a byte free."""
    filler = disk / "filler"
    for size in (65536, 4096, 1):
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * size):
                pass
    return filler
