"""Copies the registry beside a run, and puts the copy in its place when it is damaged.

The source of the method: SQLite's backup API (sqlite.org/backup.html), which reads beside a writer.
"""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from evolve_ai.model.errors import RegistryError, StorageError
from evolve_ai.state.open_reader import OpenReader
from evolve_ai.state.opening import damaged, existing, refusal
from evolve_ai.state.standing import Relation, relation, standing
from evolve_ai.state.traces import copy_of, without_copy
from evolve_ai.system.files import storage_errors, sync_folder
from evolve_ai.system.project import is_search
from evolve_ai.system.search_mark import improve_command

SECONDS = 600.0  # between two copies
LITTLE = 32 * 1024 * 1024  # bytes of a registry that is copied in less than 0.3 s


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a registry is not to be gone on with: what it is, and how that shows ("": at once)."""

    kind: str
    sign: str = ""

    def __str__(self) -> str:
        return f"{self.kind} ({self.sign})" if self.sign else self.kind


@dataclass(frozen=True, slots=True)
class Mended:
    """A registry that was lost or damaged was replaced by its copy.

    `aside` is what was left of it, if anything was; `copied` is in ISO 8601, UTC.
    """

    trouble: Trouble
    aside: Path | None
    copied: str


class Copies:
    """The last good copy of one registry, made anew every so often."""

    def __init__(self, registry: Path):
        self._registry = registry
        self.path = copy_of(registry)
        self._made = time.monotonic()

    def keep(self, registry: OpenReader | None = None) -> tuple[str, ...]:
        """Make a copy if the last one is old; what kept us from it, as a sentence."""
        if time.monotonic() - self._made < SECONDS:
            return ()
        return self.make(registry)

    def at_end(self, registry: OpenReader) -> tuple[str, ...]:
        """Make a copy at the end of a run: of a large registry only if the last one is old, since a
        short run would wait for it longer than for all else."""
        if self._is_large() and self._is_young():
            return ()
        return self.make(registry)

    def _is_large(self) -> bool:
        return self._registry.exists() and self._registry.stat().st_size > LITTLE

    def _is_young(self) -> bool:
        return self.path.exists() and 0 <= time.time() - self.path.stat().st_mtime < SECONDS

    def make(self, registry: OpenReader | None = None) -> tuple[str, ...]:
        """Replace the copy by one that SQLite finds whole. The old one stays where that fails, and
        is set aside where it knows what the registry does not.

        An open registry is copied as it is, whatever has become of its file.
        """
        self._made = time.monotonic()
        try:
            with storage_errors(self.path), self._source(registry) as source:
                return _publish(source, self._registry, self.path)
        except (sqlite3.Error, OSError) as error:
            return (f"no copy of the registry was made: {error}",)
        except (RegistryError, StorageError) as error:
            return (f"no copy of the registry was made: {error.what}",)

    @contextmanager
    def _source(self, registry: OpenReader | None) -> Iterator[sqlite3.Connection]:
        if registry is not None:
            yield registry.connection
            return
        if not self._registry.exists():
            raise RegistryError("it is gone", where=self._registry)
        with closing(existing(self._registry)) as source:
            yield source

    def mend(self) -> Mended | None:
        """Put the copy in the place of a registry that is gone, that SQLite finds damaged, or that
        knows less than the copy; None for one that goes on from it, and where there is neither.

        What is there is set aside. Raises RegistryError when there is no good copy, when registry
        and copy are of two histories, or when another program keeps the registry locked.
        """
        trouble = self.trouble()
        if trouble is None:
            return None
        if not self.path.exists() or damage(self.path) is not None:
            raise RegistryError(
                f"the registry is {trouble}, and there is no good copy",
                where=self._registry,
                todo=without_copy(self._registry),
            )
        copied = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        with storage_errors(self._registry):
            aside = _replace(self._registry, self.path)
        return Mended(trouble, aside, copied.isoformat(timespec="seconds"))

    def trouble(self) -> Trouble | None:
        """Why the registry is not to be gone on with; None for a whole one, and where there never
        was any.

        RegistryError where registry and copy are of two histories: that is for their owner to say.
        """
        if not self._registry.exists():
            return Trouble("gone") if self.path.exists() else None
        sign = damage(self._registry)
        if sign is not None:
            return Trouble("damaged", sign)
        if not self.path.exists():
            return None
        try:
            found = relation(self._registry, self.path)
        except sqlite3.Error:
            return None  # of a damaged copy nothing is to be learned: the next one replaces it
        if found is Relation.APART:
            raise apart(self._registry, self.path)
        return None if found is Relation.GOES_ON else Trouble("not what it was", found.value)


def apart(registry: Path, copy: Path) -> RegistryError:
    """The file was replaced, or the copy was; none of them may overwrite the other."""
    ours, theirs = standing(registry), standing(copy)
    root = registry.absolute().parent.parent
    then = improve_command(root) if is_search(root) else "evolve life-cycle"
    return RegistryError(
        f"it is of another history than its copy, {copy.name}: it stands at {ours.in_words()}, "
        f"the copy at {theirs.in_words()}, and neither goes on from the other",
        where=registry,
        todo="to go on with the registry, move the copy away; to go on with the copy, move "
        f"registry.sqlite (and registry.sqlite-wal) away, then: {then}",
    )


def damage(registry: Path) -> str | None:
    """What SQLite finds wrong with a registry; None for a whole one, and where there is none yet.

    Reads the whole file: 3 ms for 1000 agents, 0.1 s with the events of weeks.
    """
    if not registry.exists():
        return None
    try:
        with closing(existing(registry)) as connection:
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


def _publish(source: sqlite3.Connection, registry: Path, copy: Path) -> tuple[str, ...]:
    handle, name = tempfile.mkstemp(prefix=f".{copy.name}.", dir=copy.parent)
    os.close(handle)
    draft = Path(name)
    try:
        with closing(existing(draft)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
            wrong = _verdict(target)
        draft.chmod(registry.stat().st_mode if registry.exists() else 0o644)
        if wrong is not None:
            raise RegistryError(f"it is damaged: {wrong}", where=registry)
        told = _spared(draft, copy)
        _into_place(draft, copy)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return told


def _spared(draft: Path, copy: Path) -> tuple[str, ...]:
    """Set a copy aside that the new one does not go on from. RegistryError for a new one that is
    worth nothing beside it."""
    if not copy.exists():
        return ()
    try:
        found = relation(draft, copy)
    except sqlite3.Error as error:
        why = f"it cannot be read: {error}"
    else:
        if found is Relation.GOES_ON:
            return ()
        if found is Relation.EMPTY:
            raise RegistryError(found.value, where=copy)
        why = found.value
    aside = copy.with_name(f"registry.backup-{_now()}.sqlite")
    os.link(copy, aside)
    return (f"the copy of the registry that was there is kept as {aside.name}: {why}",)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def _replace(registry: Path, copy: Path) -> Path | None:
    """Set the registry aside under a name with the time. At every moment a registry stands there,
    if one did.

    What was not yet merged into it (-wal) goes with it: SQLite would add that to the copy.
    """
    aside = registry.with_name(f"registry.corrupt-{_now()}.sqlite")
    draft = registry.with_name(f".{registry.name}.draft")
    shutil.copyfile(copy, draft)
    left = set_aside(registry, aside)
    _into_place(draft, registry)
    return aside if left else None


def set_aside(registry: Path, aside: Path) -> bool:
    """Keep what is there of a registry under another name; its file stays, too. Was there any?"""
    left = registry.exists()
    if left:
        os.link(registry, aside)
    for suffix in ("-wal", "-shm"):
        beside = registry.with_name(registry.name + suffix)
        if beside.exists():
            left = True
            beside.replace(aside.with_name(aside.name + suffix))
    return left


def _into_place(draft: Path, path: Path) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)
