"""Finds which file of an agent's folder is its genome: what it has offered goes before genome.bin.

An agent may write only below its `state/`. It offers a changed genome there, and the scan moves the
offer to its place, between two ticks. Whatever was offered is judged as genome.bin is.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evolve_ai.model.genome import MAX_BYTES
from evolve_ai.model.sandbox import STATE
from evolve_ai.system.files import opened, read_regular

GENOME = "genome.bin"
OFFER = f"{STATE}/{GENOME}"


def take(folder: Path, known: str) -> None:
    """Move what the agent has offered to genome.bin; `known` is the SHA-256 it had when last read.

    An edit by hand that came after the offer stands, and the offer goes. Both are settled by one
    call each: after a crash in between, or of ours before the outcome is on record, the next scan
    finds the same. An offer that is no regular file, or cannot be moved, stays: see genome_file.
    """
    with suppress(OSError), _opened(folder) as (home, state):
        offer = os.stat(GENOME, dir_fd=state, follow_symlinks=False)
        if _edited_after(offer, home, f"{folder}/{GENOME}", known):
            os.unlink(GENOME, dir_fd=state)
        elif stat.S_ISREG(offer.st_mode):
            os.rename(GENOME, GENOME, src_dir_fd=state, dst_dir_fd=home)


def _edited_after(offer: os.stat_result, home: int, path: str, known: str) -> bool:
    """Was genome.bin written after the offer? A clock that was set back must not make it seem so,
    hence the second look: who has not edited it has not changed it.
    """
    with suppress(FileNotFoundError):
        written = os.stat(GENOME, dir_fd=home, follow_symlinks=False)
        if written.st_ctime_ns > offer.st_ctime_ns:
            return _hash_of(path) != known
    return False


def _hash_of(path: str) -> str:
    try:
        return hashlib.sha256(read_regular(path, MAX_BYTES)).hexdigest()
    except OSError:
        return ""


def genome_file(folder: Path) -> str:
    """The relative path of what is the agent's genome now, without a change to the folder.

    Of the two the offer, unless genome.bin was written later: by its time of modification, the
    only one that the copy of a folder keeps.
    """
    try:
        with _opened(folder) as (home, state):
            offer = os.stat(GENOME, dir_fd=state, follow_symlinks=False)
            written = os.stat(GENOME, dir_fd=home, follow_symlinks=False)
    except OSError:
        return GENOME
    return GENOME if written.st_mtime_ns > offer.st_mtime_ns else OFFER


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[int, int]]:
    """The folder and its `state/`; OSError where one of them is a link, or no folder."""
    with opened(folder) as home, opened(STATE, home) as state:
        yield home, state
