"""Puts an open registry back in its place whose file was removed or replaced under it."""

import os
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from evolve_ai.state.copies import set_aside
from evolve_ai.state.opening import existing, file_of
from evolve_ai.state.registry import Registry
from evolve_ai.system.files import storage_errors, sync_folder


def put_back(registry: Registry) -> tuple[str, ...]:
    """What was done about it, in words; nothing where the file stands in its place.

    SQLite goes on with a file that has no name any more, and all of it would be lost at the end.
    """
    if registry.in_place:
        return ()
    path = registry.path
    was = "replaced by another file" if path.exists() else "removed"
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = _written(registry.connection, path)
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
        aside = path.with_name(f"registry.corrupt-{now}.sqlite")
        for suffix in ("-wal", "-shm"):  # what we have open is in the draft; others' is not ours
            beside = path.with_name(path.name + suffix)
            if file_of(beside) in _open_here():
                beside.unlink()
        kept = set_aside(path, aside)
        registry.move_in(draft)
        sync_folder(path.parent)
    words = f"{path.name} was {was} while the life-cycle had it open; it is written anew, whole"
    return (f"{words}; what stood there is {aside.name}" if kept else words,)


def _open_here() -> set[tuple[int, int]]:
    """The files that this process has open."""
    handles = Path("/proc/self/fd").iterdir()
    return {found for handle in handles if (found := file_of(handle)) is not None}


def _written(source: sqlite3.Connection, path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    draft = Path(name)
    draft.chmod(0o644)
    with closing(existing(draft)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return draft
