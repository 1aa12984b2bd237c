"""Tells the machine's failures from those of the code: disk, limits, memory, a killed rustc.

They come in the words of rustc, LLVM, a linker or cargo, wherever each of them writes.
"""

import re
import resource
import shutil
from pathlib import Path
from signal import Signals

from evolve_ai.model.errors import StorageError, ToolchainError
from evolve_ai.system.files import too_large

_FULL = re.compile(r"No space left on device|Disk quota exceeded|os error (?:28|122)\b")
_TOO_LARGE = re.compile(r"File too large|File size limit exceeded|SIGXFSZ|os error 27\b")
_STARVED = re.compile(
    r"memory allocation of \d+ bytes failed|more memory than available to compiler"
    r"|LLVM ERROR: out of memory|Cannot allocate memory|memory exhausted|bad_alloc"
    # Where rustc cannot map its own standard library, it goes on as if there were none.
    r"|only metadata stub found for|cannot resolve a prelude import"
)
# Linkers map what they write into memory: the byte for which the disk has no room is a SIGBUS.
_NO_PAGE = re.compile(r"\[Bus error\]|SIGBUS")
_LITTLE = 64 * 1024 * 1024  # bytes
_SIGNAL = re.compile(r"\(signal: \d+, (SIG[A-Z]+)")


def raise_if_disk(told: str, where: Path, largest: int) -> None:
    """StorageError if a build failed for want of room to write.

    `largest` is the size of a file that a build may write, if this account may.
    """
    no_page = _NO_PAGE.search(told) and shutil.disk_usage(where).free < _LITTLE
    if no_page or _FULL.search(told):
        todo = "free some space (there, or where TMPDIR is), then run again"
        raise StorageError("the disk is full", where=where, todo=todo)
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if _TOO_LARGE.search(told) and resource.RLIM_INFINITY != allowed < largest:
        raise too_large(where)


def is_starved(told: str) -> bool:
    return _STARVED.search(told) is not None


def starved(limit: int | None) -> str:
    """A sentence for a compiler that got no more memory than `limit` bytes."""
    told = "" if limit is None else f" (it may take {limit} bytes: memory_bytes in [build])"
    return f"the compiler ran out of memory{told}"


def starved_error(limit: int | None, where: Path) -> ToolchainError:
    return ToolchainError(
        starved(limit), where=where, todo="raise memory_bytes in [build], or free some memory"
    )


def crashed(told: str, largest: int) -> str:
    """A sentence for a compiler that ended without an error in the code."""
    if _TOO_LARGE.search(told):
        return f"the compiler wanted to write a file of more than {largest} bytes"
    found = _SIGNAL.search(told)
    return f"the compiler crashed ({found.group(1)})" if found else "the compiler crashed"


def ending(code: int) -> str:
    """How a command ended, by its exit code as subprocess tells it."""
    return f"killed by {Signals(-code).name}" if code < 0 else f"exit status {code}"
