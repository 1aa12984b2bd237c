"""Runs SQLite's checkpoints in a background thread, so that commits do not wait for the disk.

The source of the method: sqlite.org/wal.html. A passive checkpoint copies pages from the log (WAL)
into the database file beside readers and the writer, and blocks neither.
"""

import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

from evolve_ai.state.opening import existing

# Bytes. A page that many cycles write is copied once. A log starts over when all of it is in the
# file and nobody reads from it, so it grows while somebody commits or reads all the time.
LONG = 16 * 1024 * 1024
LONGEST = 64 * 1024 * 1024  # from here on the writer itself waits for such a moment
_PATIENCE = 100  # milliseconds that it waits; a reader of an old state may stay for hours
_PAUSE = 30.0  # seconds until the writer waits again, where that was in vain


class Checkpoints:
    """The checkpoints of one registry that is open for writing.

    A checkpoint that fails loses nothing: the log stays, and the next commit tries again.
    """

    def __init__(self, path: Path):
        """Raises sqlite3.Error. Opens the files at once: they may be replaced later."""
        self._log = path.with_name(f"{path.name}-wal")
        self._connection = existing(path, one_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA schema_version").fetchall()  # opens the log, too
        self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}").fetchall()
        self._next_wait = 0.0
        self._turn = threading.Lock()
        self._due, self._over = threading.Event(), False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Call this after each commit."""
        length = self._length()
        if length >= LONGEST and time.monotonic() >= self._next_wait:
            if not self._checkpoint("RESTART"):
                self._next_wait = time.monotonic() + _PAUSE
        elif length >= LONG and self._has_thread():
            self._due.set()

    def _has_thread(self) -> bool:
        """False while the machine refuses one: the log gets longer, and the writer copies it."""
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
            with suppress(RuntimeError):
                thread.start()
                self._thread = thread
        return self._thread is not None

    def close(self) -> None:
        """Finish a running checkpoint, end the thread, close the connection."""
        self._over = True
        self._due.set()
        if self._thread is not None:
            self._thread.join()
        self._connection.close()

    def _length(self) -> int:
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    def _work(self) -> None:
        while self._due.wait() and not self._over:
            self._due.clear()
            self._checkpoint("PASSIVE")

    def _checkpoint(self, how: str) -> bool:
        """False if something was in its way."""
        with self._turn, suppress(sqlite3.Error):
            ((busy, *_),) = self._connection.execute(f"PRAGMA wal_checkpoint({how})").fetchall()
            return not busy
        return False
