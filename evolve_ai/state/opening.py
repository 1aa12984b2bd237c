"""Opens the file of a registry: makes it, reads its version, says what SQLite refuses."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolve_ai.model.errors import RegistryError
from evolve_ai.state import schema
from evolve_ai.state.standing import HISTORY
from evolve_ai.state.traces import MENDS
from evolve_ai.system.files import storage_errors, sync_folder

PATIENCE = 30.0  # seconds that another program may keep the file locked


def how_to_look(path: Path) -> str:
    """How a reader opens the file: SQLite has to write beside it, unless told that it cannot."""
    if os.access(path.parent, os.W_OK):
        return ""
    log = path.with_name(f"{path.name}-wal")
    return "?mode=ro" if log.exists() and log.stat().st_size else "?immutable=1"


@contextmanager
def connected(path: Path, how: str = "") -> Iterator[sqlite3.Connection]:
    """A connection that stays open unless its preparation fails."""
    with told(path):
        connection = _connect(path, how)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise


def existing(path: Path) -> sqlite3.Connection:
    """A connection to a file that is there: SQLite would make one that is not."""
    return _connect(path, "?mode=rw")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}{how}"
    return sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, uri=True)


def make(path: Path) -> None:
    """All of a new registry under its name, or nothing: a kill leaves none that is none.

    What was left of one that is gone (-wal) would be taken for a part of this one.
    """
    draft = path.with_name(f".{path.name}.new")
    with storage_errors(path):
        for left in (draft, Path(f"{draft}-journal"), Path(f"{path}-wal"), Path(f"{path}-shm")):
            left.unlink(missing_ok=True)
        with connected(draft) as connection:
            _lay_out(connection)
            connection.close()
        draft.replace(path)
        sync_folder(path.parent)


def update(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the tables of an older version up to date."""
    version = version_of(connection, path)
    while version in schema.UPGRADES:
        connection.executescript(f"BEGIN IMMEDIATE;{schema.UPGRADES[version]}COMMIT;")
        version = version_of(connection, path)
    _lay_out(connection)


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make what is missing of tables and names, at once."""
    connection.executescript(f"BEGIN IMMEDIATE;{schema.TABLES}COMMIT;")
    for key, value in (("schema", schema.VERSION), (HISTORY, uuid.uuid4().hex)):
        connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", [key, value])


def prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def file_of(path: Path) -> tuple[int, int] | None:
    """Which file stands under this name."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def version_of(connection: sqlite3.Connection, path: Path) -> str:
    """Of the registry in this file ("": it holds none). RegistryError for one we cannot read."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return ""
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    version = schema.VERSION if row is None else str(row[0])
    if version != schema.VERSION and version not in schema.UPGRADES:
        raise RegistryError(
            f"written by another version (schema {version}, this program reads {schema.VERSION})",
            where=path,
            todo="use the version of evolve that made it",
        )
    return version


@contextmanager
def told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(path, error) from error


def refusal(path: Path, error: sqlite3.Error) -> RegistryError:
    """What SQLite refuses, and what helps."""
    todo = "free disk space, check its permissions, or see: evolve doctor"
    if damaged(error):
        todo = MENDS
    elif _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        todo = "another program keeps it locked: end that, then run again"
    return RegistryError(f"the registry refuses: {error}", where=path, todo=todo)


def damaged(error: sqlite3.Error) -> bool:
    """Is it the file that is broken, rather than the disk or another program in the way?"""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where it gave none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
