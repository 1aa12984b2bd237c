"""A registry is made as a whole, or not at all."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.state import opening
from evolve_ai.state.copies import damage
from evolve_ai.state.registry import Batch, Registry

# Ends at once, as by `kill -9`, before SQLite writes for the nth time.
KILLED = """
import os, sys
from pathlib import Path
from evolve_ai.state import opening
from evolve_ai.state.registry import Registry

steps = 0
def step(*_):
    global steps
    steps += 1
    if steps == int(sys.argv[2]):
        os._exit(9)

lay_out = opening._lay_out
def watched(connection):
    connection.set_trace_callback(step)
    lay_out(connection)
opening._lay_out = watched
Registry.create(Path(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


def test_kill_at_any_moment_leaves_a_whole_registry_or_none(path: Path) -> None:
    left = []
    for step in range(1, 100):
        argv = [sys.executable, "-c", KILLED, path, str(step)]
        code = subprocess.run(argv, timeout=60, check=False).returncode
        left.append(path.exists())
        if left[-1]:
            assert damage(path) is None
            with Registry.create(path) as made:
                made.commit(Batch(events=[Event(Kind.COMMAND, 1)]), "run")
            path.unlink()
        if code == 0:
            break
    assert left == sorted(left)  # from some moment on it stands there
    assert left.count(False) > 5
    assert left[-1]


def test_log_of_a_registry_that_is_gone_is_no_part_of_a_new_one(path: Path) -> None:
    with Registry.create(path) as old:
        old.commit(Batch(meta={"places": "8"}), "run")
        wal = path.with_name(f"{path.name}-wal")
        left = shutil.copy(wal, path.with_name("left"))
    path.unlink()
    shutil.move(left, wal)
    with Registry.create(path) as new:
        assert new.meta("places") is None


def test_draft_that_a_kill_left_is_no_hindrance(path: Path) -> None:
    path.with_name(".registry.sqlite.new").write_bytes(b"half" * 5000)
    with Registry.create(path) as new:
        assert new.meta("schema")


def test_what_keeps_it_from_being_made_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(opening, "_lay_out", full)
    with pytest.raises(EvolveError, match="full"):
        Registry.create(path)
    assert not path.exists()
