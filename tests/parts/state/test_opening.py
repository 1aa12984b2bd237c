"""A registry is made as a whole, or not at all."""

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state import opening
from evolve_ai.state.copies import damage
from evolve_ai.state.registry import Batch, Registry

# For each n makes a registry in a folder of that name, and ends at once, as by `kill -9`, before
# SQLite writes for the nth time; the last of them is made whole.
KILLED = """
import os, sys
from pathlib import Path
from evolve_ai.state import opening
from evolve_ai.state.registry import Registry

lay_out = opening.lay_out

def make(path, last):
    steps = 0
    def step(*_):
        nonlocal steps
        steps += 1
        if steps == last:
            os._exit(9)
    def watched(connection):
        connection.set_trace_callback(step)
        lay_out(connection)
    opening.lay_out = watched
    Registry.create(path)
    os._exit(0)

last, code = 0, 9
while code:
    last += 1
    child = os.fork()
    if child == 0:
        make(Path(sys.argv[1], f"{last:03}", "registry.sqlite"), last)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


def test_kill_at_any_moment_leaves_a_whole_registry_or_none(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], timeout=120, check=True)
    left = []
    for folder in sorted(tmp_path.iterdir()):
        path = folder / "registry.sqlite"
        left.append(path.exists())
        if left[-1]:
            assert damage(path) is None
            with Registry.create(path) as made:
                made.commit(Batch(events=[Event(Kind.COMMAND, 1)]), "run")
    assert left == sorted(left)  # from some moment on it stands there
    assert left.count(False) > 20
    assert left[-1]


def test_log_of_a_registry_that_is_gone_is_no_part_of_a_new_one(path: Path) -> None:
    with Registry.create(path) as old:
        old.commit(Batch(state=RunState(places=8)), "run")
        wal = path.with_name(f"{path.name}-wal")
        left = shutil.copy(wal, path.with_name("left"))
    path.unlink()
    shutil.move(left, wal)
    with Registry.create(path) as new:
        assert new.state.places is None


def test_draft_that_a_kill_left_is_no_hindrance(path: Path) -> None:
    path.with_name(".registry.sqlite.new").write_bytes(b"half" * 5000)
    with Registry.create(path) as new:
        assert new.state == RunState()


def test_what_keeps_it_from_being_made_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(opening, "lay_out", full)
    with pytest.raises(EvolveError, match="full"):
        Registry.create(path)
    assert not path.exists()
