"""Finds the genome of an agent's folder: an offer of the agent comes before genome.bin.

An agent may write only below its `state/`. It offers a changed genome there, and between two ticks
the scan moves the offer to its place. An offer is checked like genome.bin.
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


def take(folder: Path, known: str) -> bool:
    """Move the agent's offer to genome.bin; `known` is the SHA-256 of that when last read. True if
    the folder was changed.

    If a person has edited genome.bin after the offer, the edit stays and the offer is removed. Both
    are done by a single call each: after a crash of machine or process the next scan finds the
    same. An offer that is no regular file, or cannot be moved, stays: see genome_file.
    """
    with suppress(OSError), _opened(folder) as (home, state):
        offer = os.stat(GENOME, dir_fd=state, follow_symlinks=False)
        if _edited_after(offer, home, f"{folder}/{GENOME}", known):
            os.unlink(GENOME, dir_fd=state)
            return True
        if stat.S_ISREG(offer.st_mode):
            os.rename(GENOME, GENOME, src_dir_fd=state, dst_dir_fd=home)
            return True
    return False


def _edited_after(offer: os.stat_result, home: int, path: str, known: str) -> bool:
    """True if genome.bin was written after the offer. A clock that was set back can make it look
    so; therefore the content must also differ from the known one.
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
    """The relative path of the agent's present genome; the folder is not changed.

    It is the offer, unless genome.bin has the later time of modification: that is the only time
    that a copy of a folder keeps.
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
    """The folder and its `state/`; OSError where one of them is a link or not a folder."""
    with opened(folder) as home, opened(STATE, home) as state:
        yield home, state
