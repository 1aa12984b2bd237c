"""Runs SQLite's checkpoints in a background thread, so that commits do not wait for the disk.

The source of the method: sqlite.org/wal.html. A passive checkpoint copies pages from the log (WAL)
into the database file beside readers and the writer, and blocks neither.
"""

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from evolve_ai.state.opening import existing

# Bytes. A page that many cycles write is copied once. A log starts over when all of it is in the
# file and nobody reads from it, so it grows while somebody commits or reads all the time.
LONG = 16 * 1024 * 1024
LONGEST = 64 * 1024 * 1024  # from here on the writer itself waits for such a moment
_PATIENCE = 100  # milliseconds that it waits; a reader of an old state may stay for hours


class Checkpoints:
    """The checkpoints of one registry that is open for writing.

    A checkpoint that fails loses nothing: the log stays, and the next commit tries again.
    """

    def __init__(self, path: Path):
        """Raises sqlite3.Error. Opens the files at once: they may be replaced later."""
        self._log = path.with_name(f"{path.name}-wal")
        self._connection = existing(path, one_thread=False)
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(f"PRAGMA busy_timeout = {_PATIENCE}").fetchall()
        self._connection.execute("PRAGMA schema_version").fetchall()  # opens the log, too
        self._turn = threading.Lock()
        self._due, self._over = threading.Event(), False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """Call this after each commit."""
        length = self._length()
        if length >= LONGEST:
            self._checkpoint("RESTART")
        elif length >= LONG:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="checkpoints", daemon=True)
                self._thread.start()
            self._due.set()

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

    def _checkpoint(self, how: str) -> None:
        with self._turn, suppress(sqlite3.Error):
            self._connection.execute(f"PRAGMA wal_checkpoint({how})").fetchall()
