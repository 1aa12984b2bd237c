"""Separates what plug-ins print from our own output: it goes to `logs/plugins.log`.

Descriptors 1 and 2 lead to that file from the moment when the first of the user's plug-ins is about
to be imported, so that `os.write` and subprocesses write there, too; our own lines keep the old
descriptors.
"""

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

NAME = "plugins.log"
MAX_BYTES = 1024 * 1024
_FLOOD = 8  # times that size: the output of one call is discarded instead of rotated
_LEFT_OUT = b"\n(cut: a plug-in wrote too much)\n"


class PluginLog:
    """The log file, open for appending; one older file is kept. Never raises StorageError: where it
    cannot be written, the output of plug-ins is lost."""

    def __init__(self, path: Path):
        self.path = path
        self.handle = _opened(path)

    def bound(self) -> None:
        """Rotate the log if it is too large, or follow a rotation by another process."""
        with suppress(OSError):
            seen = os.fstat(self.handle)
            if seen.st_size > _FLOOD * MAX_BYTES:
                os.ftruncate(self.handle, 0)
                os.write(self.handle, _LEFT_OUT)
                return
            there = self.path.stat() if self.path.exists() else None
            mine = there is not None and there.st_ino == seen.st_ino
            if mine and seen.st_size <= MAX_BYTES:
                return
            if mine:
                self.path.replace(self.path.with_name(f"{NAME}.1"))
            fresh = _opened(self.path)
            for number in (self.handle, 1, 2):
                os.dup2(fresh, number, inheritable=number in (1, 2))
            os.close(fresh)


def _opened(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)


class Divided(io.TextIOBase):
    """A standard stream that sends our lines to the old target, and plug-ins' lines to the log."""

    def __init__(self, ours: TextIO, log: PluginLog):
        self.ours = ours
        self.log = log
        self.plugins: TextIO = os.fdopen(
            os.dup(log.handle), "w", encoding="utf-8", errors="backslashreplace"
        )
        self.within = threading.local()

    @property
    def _now(self) -> TextIO:
        return self.plugins if self._is_foreign() else self.ours

    def _is_foreign(self) -> bool:
        if getattr(self.within, "plugin", False):
            return True
        thread = threading.current_thread()
        # The only other thread that prints for us is the one that draws progress bars.
        return thread is not threading.main_thread() and type(thread).__module__ != "rich.live"

    def write(self, text: str) -> int:
        now = self._now
        done = now.write(text)
        if now is self.plugins:
            now.flush()
        return done

    def flush(self) -> None:
        self._now.flush()

    def isatty(self) -> bool:
        return self._now.isatty()

    def fileno(self) -> int:
        return self._now.fileno()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._now.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._now.errors

    @property
    def buffer(self) -> Any:
        return self._now.buffer

    def reconfigure(self, **how: Any) -> None:
        getattr(self._now, "reconfigure", lambda **_: None)(**how)

    def close(self) -> None:
        """Close our stream; a plug-in's call has no effect."""
        if not self._is_foreign():
            self.ours.close()


def divert(logs: Path) -> None:
    """Divert the output of this process and its children from now on. Safe to call again."""
    if isinstance(sys.stdout, Divided):
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    log = PluginLog(logs / NAME)
    kept = [_kept(stream, number) for number, stream in ((1, sys.stdout), (2, sys.stderr))]
    for number in (1, 2):
        os.dup2(log.handle, number)
    sys.stdout, sys.stderr = (Divided(stream, log) for stream in kept)
    sys.stderr.within = sys.stdout.within


def _kept(stream: TextIO | None, number: int) -> TextIO:
    """The same stream on a new descriptor that children do not inherit."""
    try:
        own = os.dup(number)
    except OSError:  # the terminal was closed before this process began
        own = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    errors = getattr(stream, "errors", None) or "backslashreplace"
    lines = os.isatty(own) or number == 2
    return os.fdopen(own, "w", 1 if lines else -1, encoding=encoding, errors=errors)


@contextmanager
def plugin_speaks() -> Iterator[None]:
    """Within: what this thread prints counts as a plug-in's output."""
    stream = sys.stdout
    if not isinstance(stream, Divided):
        yield
        return
    before = getattr(stream.within, "plugin", False)
    stream.within.plugin = True
    try:
        yield
    finally:
        stream.within.plugin = before


def bound_log() -> None:
    """Keep the log small."""
    stream = sys.stdout
    if isinstance(stream, Divided):
        stream.log.bound()


def to_the_user(words: str) -> None:
    """Write a last line to the terminal, from any thread or plug-in call."""
    stream = sys.stderr
    with suppress(Exception):
        ours = stream.ours if isinstance(stream, Divided) else stream
        ours.write(words)
        ours.flush()
