"""Keeps output from ending what writes it: a terminal that closes, a full disk, an ascii console.

What cannot be encoded is replaced, what cannot be written is dropped and remembered as lost.
"""

import codecs
import errno
import io
import os
import select
import sys
import time
from typing import NoReturn

PATIENCE = 1.0  # seconds that an output which does not read may hold up what must go on
_CHUNK = 4096  # so much fits without waiting where poll() says that there is room (pipe(7))
_PLAINER = {
    "…": "...", "·": "|", "–": "-", "—": "-", "×": "x", "•": "*", "━": "-", "╸": "-", "╺": "-",
    "←": "<-", "→": "->", "≤": "<=", "≥": ">=", "µ": "u", "ä": "ae", "ö": "oe", "ü": "ue",
}  # fmt: skip
_ERRORS = "evolve.plainer"
LOOKED = object()  # what a command answers that leaves nothing behind: leave() may end it


def _plainer(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks: something alike, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    shown = (
        _PLAINER.get(char) or char.encode("ascii", "backslashreplace").decode()
        for char in error.object[error.start : error.end]
    )
    return "".join(shown), error.end


class Outlet(io.RawIOBase):
    """An output that never fails. `lost` is why something was dropped, None if nothing was.

    With `patience` it waits so many seconds at most for one who does not read (Ctrl-S, a pager),
    and once only: until there is room again, all is dropped.
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
        """All of it, or as much as goes; the rest is dropped."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        rest = view
        while rest:
            try:
                self._wait()
                rest = rest[os.write(self._handle, rest[:_CHUNK]) :]
            except BlockingIOError:  # somebody else has made it so, for all who share it
                select.select([], [self._handle], [], self.patience)
            except OSError as error:
                self.lost = OSError(error.errno, error.strerror, self._name)
                break
        return len(view)

    def _wait(self) -> None:
        """OSError (ETIMEDOUT) when nobody reads."""
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
    """Put outlets in the place of sys.stdout and sys.stderr; once for a process."""
    hold_standard_descriptors()
    codecs.register_error(_ERRORS, _plainer)
    for name, handle in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        outlet = _outlets[name] = Outlet(handle, name)
        stream = io.TextIOWrapper(
            outlet,  # type: ignore[type-var]  # and no buffer: a signal may come while it is filled
            encoding=getattr(before, "encoding", None) or "utf-8",
            errors=_ERRORS,
            write_through=True,
        )
        setattr(sys, name, stream)


def hold_standard_descriptors() -> None:
    """Where 0, 1 or 2 was closed the next file to be opened, the registry say, would become it."""
    for handle in range(3):
        try:
            os.fstat(handle)
        except OSError:
            while os.open(os.devnull, os.O_RDWR) < handle:
                pass


def go_on_unread() -> None:
    """From here on nothing waits for a reader: what is done matters more than what is said."""
    for outlet in _outlets.values():
        outlet.patience = PATIENCE


def lost() -> OSError | None:
    """Why something that was to go to stdout did not get there; None if all did."""
    if "stdout" not in _outlets:
        return None
    sys.stdout.flush()
    return _outlets["stdout"].lost


def leave() -> NoReturn:
    """End a command that has only looked, and holds nothing. Python would take itself apart, object
    by object, for a fifth of the time that an answer takes."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)


def unread() -> bool:
    """Has the reader of stdout closed its end?"""
    found = lost()
    return found is not None and found.errno == errno.EPIPE


def forgive() -> None:
    """What was lost up to here did not matter."""
    lost()
    for outlet in _outlets.values():
        outlet.lost = None
