"""Opens the file of a registry: makes it, reads its version, says what SQLite refuses."""

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evolve_ai.model.errors import RegistryError
from evolve_ai.model.run_state import RunState
from evolve_ai.state import schema
from evolve_ai.state.rows import WRITE_STATE, state_row
from evolve_ai.state.standing import HISTORY
from evolve_ai.state.traces import mends
from evolve_ai.state.views import VIEWS
from evolve_ai.system.files import storage_errors, sync_folder

PATIENCE = 30.0  # seconds that another program may keep the file locked

_INDEX = 32_768  # bytes, of a short log


def how_to_look(path: Path) -> str:
    """How a reader opens the file: SQLite has to write beside it, unless told that it cannot."""
    if os.access(path.parent, os.W_OK) and _index_fits(path):
        return ""
    log = path.with_name(f"{path.name}-wal")
    return "?mode=ro" if log.exists() and log.stat().st_size else "?immutable=1"


def _index_fits(path: Path) -> bool:
    """Is the index of its log (-shm) there, or is there room for one?"""
    seen = os.statvfs(path.parent)
    return seen.f_bavail * seen.f_frsize >= _INDEX or path.with_name(f"{path.name}-shm").exists()


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


def existing(path: Path, one_thread: bool = True) -> sqlite3.Connection:
    """A connection to a file that is there: SQLite would make one that is not."""
    return _connect(path, "?mode=rw", one_thread)


def _connect(path: Path, how: str, one_thread: bool = True) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}{how}"
    return sqlite3.connect(
        address, timeout=PATIENCE, isolation_level=None, uri=True, check_same_thread=one_thread
    )


def make(path: Path) -> None:
    """All of a new registry under its name, or nothing: a kill leaves none that is none.

    What was left of one that is gone (-wal) would be taken for a part of this one.
    """
    draft = path.with_name(f".{path.name}.new")
    with storage_errors(path):
        for left in (draft, Path(f"{draft}-journal"), Path(f"{path}-wal"), Path(f"{path}-shm")):
            left.unlink(missing_ok=True)
        with connected(draft) as connection:
            lay_out(connection)
            connection.close()
        draft.replace(path)
        sync_folder(path.parent)


def lay_out(connection: sqlite3.Connection) -> None:
    """Make what is missing of tables, views and names, at once."""
    known = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    with transaction(connection):
        for statement in statements(schema.TABLES):
            connection.execute(statement)
        for name, query in VIEWS.items():
            made = f"CREATE VIEW {name} AS {query.strip()}"
            if known.get(name) != made:
                connection.execute(f"DROP VIEW IF EXISTS {name}")
                connection.execute(made)
        for key, value in (("schema", schema.VERSION), (HISTORY, uuid.uuid4().hex)):
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", [key, value])
        if connection.execute("SELECT 1 FROM run_state").fetchone() is None:
            connection.execute(WRITE_STATE, state_row(RunState()))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def statements(script: str) -> Iterator[str]:
    """Each statement of a script that has no semicolon but at their ends; unlike `executescript`
    they can be part of a transaction."""
    return (one for one in map(str.strip, script.split(";")) if one)


def prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")  # see state/checkpoints.py
    connection.execute("PRAGMA journal_size_limit = 0")  # so that a log's size says what is in it


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
    if version != schema.VERSION and version not in schema.OLDER:
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
        todo = mends(path)
    elif _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        todo = "another program keeps it locked: end that, then run again"
    return RegistryError(f"the registry refuses: {error}", where=path, todo=todo)


def damaged(error: sqlite3.Error) -> bool:
    """Is it the file that is broken, rather than the disk or another program in the way?"""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where it gave none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
