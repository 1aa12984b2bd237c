"""Owns copies of the registry: made beside a life-cycle, put in its place when it is damaged.

The source of the method: SQLite's backup API (sqlite.org/backup.html), which reads beside a writer.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evolve_ai.model.errors import RegistryError, StorageError
from evolve_ai.state.registry import PATIENCE, damaged, refusal
from evolve_ai.system.files import storage_errors, sync_folder

SECONDS = 600.0  # between two copies
_NAME = "registry.backup.sqlite"


@dataclass(frozen=True, slots=True)
class Mended:
    """A damaged registry was replaced by its copy. `copied` is in ISO 8601, UTC."""

    reason: str
    aside: Path
    copied: str


class Copies:
    """The last good copy of one registry, made anew every so often."""

    def __init__(self, registry: Path):
        self._registry = registry
        self.path = registry.with_name(_NAME)
        self._made = time.monotonic()

    def keep(self) -> tuple[str, ...]:
        """Make a copy if the last one is old; what kept us from it, as a sentence."""
        if time.monotonic() - self._made < SECONDS:
            return ()
        return self.make()

    def make(self) -> tuple[str, ...]:
        """Replace the copy by one that SQLite finds whole. The old one stays where that fails."""
        self._made = time.monotonic()
        try:
            with storage_errors(self.path):
                _publish(self._registry, self.path)
        except (sqlite3.Error, OSError) as error:
            return (f"no copy of the registry was made: {error}",)
        except (RegistryError, StorageError) as error:
            return (f"no copy of the registry was made: {error.what}",)
        return ()

    def mend(self) -> Mended | None:
        """Put the copy in the place of a registry that SQLite finds damaged; None for a whole one.

        The damaged file is set aside. Raises RegistryError when there is no good copy, or when
        another program keeps the registry locked.
        """
        reason = damage(self._registry)
        if reason is None:
            return None
        if not self.path.exists() or damage(self.path) is not None:
            raise RegistryError(
                f"the registry is damaged, and there is no good copy: {reason}",
                where=self._registry,
                todo="put a backup in its place, or move it away and take the agents in: "
                "evolve import agents",
            )
        copied = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        with storage_errors(self._registry):
            aside = _replace(self._registry, self.path)
        return Mended(reason, aside, copied.isoformat(timespec="seconds"))


def damage(registry: Path) -> str | None:
    """What SQLite finds wrong with a registry; None for a whole one, and where there is none yet.

    Reads the whole file: 3 ms for 1000 agents, 0.1 s with the events of weeks.
    """
    if not registry.exists():
        return None
    try:
        with closing(_connected(registry)) as connection:
            verdict = _verdict(connection)
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'")
            return verdict or (None if tables.fetchone() else "it holds no registry")
    except sqlite3.DatabaseError as error:
        if damaged(error):
            return str(error)
        raise refusal(registry, error) from error


def _verdict(connection: sqlite3.Connection) -> str | None:
    found = str(connection.execute("PRAGMA quick_check").fetchone()[0])
    return None if found == "ok" else found


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)


def _publish(registry: Path, copy: Path) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{copy.name}.", dir=copy.parent)
    os.close(handle)
    draft = Path(name)
    try:
        with closing(_connected(registry)) as source, closing(_connected(draft)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            wrong = _verdict(target)
        draft.chmod(registry.stat().st_mode)
        if wrong is not None:
            raise RegistryError(f"it is damaged: {wrong}", where=registry)
        _into_place(draft, copy)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _replace(registry: Path, copy: Path) -> Path:
    """Set the registry aside under a name with the time. At every moment a registry stands there.

    What was not yet merged into it (-wal) goes with it: SQLite would add that to the copy.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = registry.with_name(f"registry.corrupt-{now}.sqlite")
    draft = registry.with_name(f".{registry.name}.draft")
    shutil.copyfile(copy, draft)
    os.link(registry, aside)
    for suffix in ("-wal", "-shm"):
        beside = registry.with_name(registry.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    _into_place(draft, registry)
    return aside


def _into_place(draft: Path, path: Path) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
