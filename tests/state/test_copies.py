"""Copies of the registry: whole or not at all, and put in its place only when it is damaged."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from evolve_ai.model.errors import RegistryError
from evolve_ai.model.event import Event, Kind
from evolve_ai.state import copies, registry
from evolve_ai.state.copies import Copies, damage
from evolve_ai.state.registry import Batch, Registry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A registry of some pages, with its copy made some events ago."""
    path = tmp_path / "registry.sqlite"
    write(path, 300)
    assert Copies(path).make() == ()
    write(path, 5)
    return path


def write(path: Path, events: int) -> None:
    batch = Batch(
        meta={"places": "8"},
        events=[Event(Kind.COMMAND, n, None, {"text": "x" * 500}) for n in range(events)],
    )
    with Registry.create(path) as opened:
        opened.commit(batch, "run")


def count(path: Path) -> int:
    with Registry.read(path) as opened:
        return len(list(opened.events_after(0)))


def scribble(path: Path) -> None:
    """Rubbish over all pages but the first."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_whole_registry_is_left_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    assert Copies(path).mend() is None
    assert path.read_bytes() == before


def test_project_without_registry_has_nothing_to_mend(tmp_path: Path) -> None:
    assert Copies(tmp_path / "registry.sqlite").mend() is None


@pytest.mark.parametrize("harm", ["scribbled", "cut", "empty", "no database"])
def test_damaged_registry_gives_way_to_its_copy_and_is_kept(path: Path, harm: str) -> None:
    match harm:
        case "scribbled":
            scribble(path)
        case "cut":
            os.truncate(path, path.stat().st_size // 2 // 4096 * 4096 + 100)
        case "empty":
            os.truncate(path, 0)
        case _:
            path.write_text("this was a registry once\n" * 500)
    broken = path.read_bytes()
    mended = Copies(path).mend()
    assert mended is not None
    assert mended.aside.read_bytes() == broken
    assert count(path) == 300
    assert Copies(path).mend() is None


def test_log_of_a_damaged_registry_is_not_added_to_the_copy(path: Path) -> None:
    """As after a kill: what was committed last is in the -wal file only."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO meta VALUES ('late', 'x')")
        log = path.with_name(f"{path.name}-wal")
        kept = log.read_bytes()
    log.write_bytes(kept)
    scribble(path)
    mended = Copies(path).mend()
    assert mended is not None
    assert not log.exists() or not log.stat().st_size
    with Registry.read(path) as opened:
        assert opened.meta("late") is None
    assert count(path) == 300


def test_damage_without_a_good_copy_is_named(path: Path) -> None:
    scribble(path)
    scribble(Copies(path).path)
    before = path.read_bytes()
    with pytest.raises(RegistryError, match="no good copy"):
        Copies(path).mend()
    assert path.read_bytes() == before


def test_damaged_registry_is_never_copied_over_a_good_copy(path: Path) -> None:
    kept = Copies(path).path.read_bytes()
    scribble(path)
    [complaint] = Copies(path).make()
    assert "no copy of the registry was made" in complaint
    assert Copies(path).path.read_bytes() == kept
    assert sorted(p.name for p in path.parent.glob("*backup*")) == ["registry.backup.sqlite"]


def test_copy_is_made_beside_a_writer_and_only_now_and_then(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Copies(path)
    with Registry.create(path) as opened:
        opened.commit(Batch(events=[Event(Kind.COMMAND, 1)]), "run")
        assert kept.keep() == ()
        assert count(kept.path) == 300
        monkeypatch.setattr(copies, "SECONDS", 0.0)
        assert kept.keep() == ()
        assert count(kept.path) == 306
    assert [p.name for p in path.parent.glob("registry.backup*")] == ["registry.backup.sqlite"]


def test_locked_registry_is_no_damaged_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "PATIENCE", 0.1)
    monkeypatch.setattr(registry, "PATIENCE", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RegistryError, match="locked") as told:
            damage(path)
        assert "another program keeps it locked" in str(told.value)
        with pytest.raises(RegistryError, match="another program keeps it locked"):
            Registry.create(path)
    assert damage(path) is None


def test_damage_that_is_met_later_says_what_helps(path: Path) -> None:
    scribble(path)
    with pytest.raises(RegistryError, match="puts the last good copy in its place"):
        count(path)
