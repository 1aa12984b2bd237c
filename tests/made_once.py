"""Makes what is costly once for all workers and all runs: a locked cache, keyed by content.

It lies in workspace/check, beside what cargo built for the checks; `make clean` empties it. What
it was made of is in the key, so a change makes it anew. A run that needs it waits for the one that
makes it; old ones go when nobody has wanted them for a day.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from evolve_ai.system.trees import discard

ROOT = Path(__file__).parents[1]
CACHE = ROOT / "workspace" / "check" / "made"
KEPT_SECONDS = 86_400.0
_WHOLE = ".whole"  # in a folder that is finished; its time is when it was last wanted


def made_once(name: str, made_of: Iterable[str | Path], make: Callable[[Path], object]) -> Path:
    """The folder that `make` has filled; its path is the same in every run.

    `made_of`: texts, files, and folders with all that is in them.
    """
    folder = CACHE / f"{name}-{key_of(made_of)}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with _locked(CACHE / f"{name}.lock"):
        if not (folder / _WHOLE).exists():
            discard(folder)  # of one who was killed
            folder.mkdir()
            make(folder)
        (folder / _WHOLE).touch()
        for other in CACHE.glob(f"{name}-*"):
            if other != folder and not _wanted(other):
                discard(other)
    return folder


def key_of(made_of: Iterable[str | Path]) -> str:
    digest = hashlib.sha256(f"{sys.version} {toolchain()}".encode())
    for part in made_of:
        if isinstance(part, str):
            digest.update(f"text {len(part)} {part}".encode())
            continue
        for file in _files(part):
            digest.update(f"file {file} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


@cache
def toolchain() -> str:
    return subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout


def _files(part: Path) -> Iterator[Path]:
    if part.is_file():
        yield part
        return
    for path in sorted(part.rglob("*")):
        within = path.relative_to(part).parts
        if path.is_file() and not {"target", "__pycache__"} & set(within):
            yield path


def _wanted(folder: Path) -> bool:
    try:
        return time.time() - (folder / _WHOLE).stat().st_mtime < KEPT_SECONDS
    except OSError:
        return False


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def rust_program(source: Path, *options: str) -> Path:
    """What rustc makes of a file without crates."""

    def make(folder: Path) -> None:
        argv = ["rustc", "--edition", "2021", *options, "-o", folder / source.stem, source]
        subprocess.run(argv, check=True, timeout=240)

    return made_once(f"rust-{source.stem}", [*options, source], make) / source.stem


def copied(source: Path, to: Path) -> Path:
    """A copy that a test may change; times stay, since compilers look at them."""
    return Path(shutil.copytree(source, to, symlinks=True))
