"""A registry is made as a whole, or not at all."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from killed_at_statements import registries_killed_in

from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state import opening
from evolve_ai.state.copies import damage
from evolve_ai.state.registry import Batch, Registry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


def test_kill_at_any_moment_leaves_a_whole_registry_or_none(tmp_path: Path) -> None:
    left = []
    for path in registries_killed_in("evolve_ai.state.opening:lay_out", tmp_path):
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
