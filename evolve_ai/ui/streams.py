"""Keeps output problems from ending a command: a closed terminal, a full disk, an ASCII console.

Characters that cannot be encoded are replaced; output that cannot be written is dropped, and the
reason is kept.
"""

import codecs
import errno
import io
import os
import select
import sys
import time
from typing import NoReturn

PATIENCE = 1.0  # seconds that a reader who does not read may hold up work that must go on
_CHUNK = 4096  # bytes that fit without blocking when poll() reports room (pipe(7))
_PLAINER = {
    "…": "...", "·": "|", "–": "-", "—": "-", "×": "x", "•": "*", "━": "-", "╸": "-", "╺": "-",
    "←": "<-", "→": "->", "≤": "<=", "≥": ">=", "µ": "u", "ä": "ae", "ö": "oe", "ü": "ue",
}  # fmt: skip
_ERRORS = "evolve.plainer"
LOOKED = object()  # returned by a read-only command, which leave() may end at once


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """Replacements for characters that an encoding lacks: similar ones, or their numbers."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    shown = (
        _PLAINER.get(char) or char.encode("ascii", "backslashreplace").decode()
        for char in error.object[error.start : error.end]
    )
    return "".join(shown), error.end


class Outlet(io.RawIOBase):
    """An output that never fails. `lost` is why output was dropped, or None.

    With `patience` it waits at most so many seconds for a reader that does not read (Ctrl-S, a
    pager), and only once: after that, output is dropped until there is room again.
    """

    def __init__(self, handle: int, name: str):
        super().__init__()
        self.lost: OSError | None = None
        self._name = name
        self.patience: float | None = None
        self._handle = handle
        self._stuck = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._handle

    def isatty(self) -> bool:
        return os.isatty(self._handle)

    def write(self, data: object) -> int:
        """Write all of it, or as much as possible; the rest is dropped."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        rest = view
        while rest:
            try:
                self._wait()
                rest = rest[os.write(self._handle, rest[:_CHUNK]) :]
            except BlockingIOError:  # another process made the shared description non-blocking
                select.select([], [self._handle], [], self.patience)
            except OSError as error:
                self.lost = OSError(error.errno, error.strerror, self._name)
                break
        return len(view)

    def _wait(self) -> None:
        """Wait for room. OSError (ETIMEDOUT) when nobody reads."""
        if self.patience is None:
            return
        look = select.poll()
        look.register(self._handle, select.POLLOUT)
        until = time.monotonic() + (0 if self._stuck else self.patience)
        while not look.poll(max(0.0, until - time.monotonic()) * 1000):
            if time.monotonic() >= until:
                self._stuck = True
                raise OSError(errno.ETIMEDOUT, "nobody reads it")
        self._stuck = False


_outlets: dict[str, Outlet] = {}


def install() -> None:
    """Replace sys.stdout and sys.stderr by outlets; call it once per process."""
    hold_standard_descriptors()
    codecs.register_error(_ERRORS, _plainer)
    for name, handle in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        outlet = _outlets[name] = Outlet(handle, name)
        stream = io.TextIOWrapper(
            outlet,  # type: ignore[type-var]  # unbuffered: a signal may come while a buffer fills
            encoding=getattr(before, "encoding", None) or "utf-8",
            errors=_ERRORS,
            write_through=True,
        )
        setattr(sys, name, stream)


def hold_standard_descriptors() -> None:
    """Open /dev/null as 0, 1 or 2 where one is closed: else a file (the registry!) would get it."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            while os.open(os.devnull, os.O_RDWR) < handle:
                pass


def go_on_unread() -> None:
    """From now on never wait long for a reader: the work matters more than its report."""
    for outlet in _outlets.values():
        outlet.patience = PATIENCE


def lost() -> OSError | None:
    """Why output to stdout was lost; None if all was written."""
    if "stdout" not in _outlets:
        return None
    sys.stdout.flush()
    return _outlets["stdout"].lost


def leave() -> NoReturn:
    """End a read-only command that holds nothing, without Python's cleanup, which would take a
    fifth as long as the command itself."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def unread() -> bool:
    """True if the reader of stdout has closed its end."""
    found = lost()
    return found is not None and found.errno == errno.EPIPE


def forgive() -> None:
    """Forget losses so far, since they did not matter."""
    lost()
    for outlet in _outlets.values():
        outlet.lost = None
