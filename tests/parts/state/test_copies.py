"""Copies of the registry: whole or not at all, and put in its place only when it is damaged."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.cycle import Cycle, Summary
from evolve_ai.model.errors import RegistryError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.run_state import RunState
from evolve_ai.state import copies, opening
from evolve_ai.state.copies import Copies, damage
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.state.rescue import put_back


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
        state=RunState(places=8),
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
        connection.execute("UPDATE run_state SET news = 'late'")
        log = path.with_name(f"{path.name}-wal")
        kept = log.read_bytes()
    log.write_bytes(kept)
    scribble(path)
    mended = Copies(path).mend()
    assert mended is not None
    assert not log.exists() or not log.stat().st_size
    with Registry.read(path) as opened:
        assert opened.state.news is None
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
    monkeypatch.setattr(opening, "PATIENCE", 0.1)
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


def write_population(path: Path, cycle: int, events: int = 1, founder: str = "a") -> None:
    """So many events more, the last of them in this cycle."""
    record = AgentRecord(founder, 0, 0, State.RUNNING, 0, (), 0, 9, founder=True)
    batch = Batch(
        records=[record],
        state=RunState(places=8, seed=7),
        events=[Event(Kind.COMMAND, cycle) for _ in range(events)],
        cycle=Cycle(cycle, f"digest {cycle}", Summary()),
    )
    with Registry.create(path) as opened:
        opened.commit(batch, "run")


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    """A registry with a population, which has lived three cycles, and its copy."""
    path = tmp_path / "registry.sqlite"
    for cycle in (1, 2, 3):
        write_population(path, cycle)
    assert Copies(path).make() == ()
    return path


def cycle_of(path: Path) -> int:
    with Registry.read(path) as opened:
        return opened.cycle


def forget(path: Path) -> None:
    for file in path.parent.glob("registry.sqlite*"):
        file.unlink()


def test_registry_that_is_gone_gives_way_to_its_copy(lived: Path) -> None:
    forget(lived)
    with pytest.raises(RegistryError, match="is gone") as told:
        Registry.read(lived)
    assert "evolve life-cycle puts the last good copy" in str(told.value)
    mended = Copies(lived).mend()
    assert mended is not None
    assert (str(mended.trouble), mended.aside) == ("gone", None)
    assert cycle_of(lived) == 3


def test_log_of_a_registry_that_is_gone_is_kept_and_not_added_to_the_copy(lived: Path) -> None:
    with closing(sqlite3.connect(lived, isolation_level=None)) as connection:
        connection.execute("UPDATE run_state SET news = 'late'")
        kept = lived.with_name(f"{lived.name}-wal").read_bytes()
    forget(lived)
    lived.with_name(f"{lived.name}-wal").write_bytes(kept)
    mended = Copies(lived).mend()
    assert mended is not None
    assert mended.aside is not None
    assert mended.aside.with_name(f"{mended.aside.name}-wal").read_bytes() == kept
    with Registry.read(lived) as opened:
        assert opened.state.news is None


def test_registry_without_agents_never_replaces_a_copy_with_some(lived: Path) -> None:
    kept = Copies(lived).path.read_bytes()
    forget(lived)
    with Registry.create(lived):
        [complaint] = Copies(lived).make()
    assert "it knows no agents, and the copy does" in complaint
    assert Copies(lived).path.read_bytes() == kept
    with pytest.raises(RegistryError, match="holds no agents, and its copy does"):
        Registry.read(lived)
    mended = Copies(lived).mend()
    assert mended is not None
    assert mended.trouble.sign == "it knows no agents, and the copy does"
    assert cycle_of(lived) == 3


def test_older_registry_gives_way_to_the_copy_that_goes_on_from_it(lived: Path) -> None:
    older = lived.read_bytes()
    for cycle in (4, 5):
        write_population(lived, cycle)
    assert Copies(lived).make() == ()
    forget(lived)
    lived.write_bytes(older)
    mended = Copies(lived).mend()
    assert mended is not None
    assert mended.trouble.sign == "the copy knows what comes after it"
    assert cycle_of(lived) == 5
    assert mended.aside is not None
    assert cycle_of(mended.aside) == 3


def test_older_registry_that_lived_on_is_of_another_line(lived: Path) -> None:
    older = lived.read_bytes()
    for cycle in (4, 5):
        write_population(lived, cycle)
    assert Copies(lived).make() == ()
    kept = Copies(lived).path.read_bytes()
    forget(lived)
    lived.write_bytes(older)
    with Registry.create(lived) as opened:
        opened.commit(
            Batch(events=[Event(Kind.COMMAND, 4)] * 9, cycle=Cycle(5, "another", Summary())), "run"
        )
    before = lived.read_bytes()
    with pytest.raises(RegistryError, match="neither goes on from the other") as told:
        Copies(lived).mend()
    assert "move the copy away" in str(told.value)
    assert lived.read_bytes() == before
    [note] = Copies(lived).make()
    [aside] = lived.parent.glob("registry.backup-*.sqlite")
    assert aside.name in note
    assert aside.read_bytes() == kept


@pytest.mark.parametrize("seed", [7, 8])
def test_registry_of_another_project_is_never_taken_for_this_one(lived: Path, seed: int) -> None:
    """Not even where the other one has the same seed, and so the same founders."""
    other = lived.parent / "other" / "registry.sqlite"
    for cycle in range(1, 9):
        write_population(other, cycle)
    with Registry.create(other) as opened:
        opened.commit(Batch(state=replace(opened.state, seed=seed)), "run")
    forget(lived)
    lived.write_bytes(other.read_bytes())
    with pytest.raises(RegistryError, match="another history than its copy"):
        Copies(lived).mend()


def test_copy_that_is_damaged_is_kept_when_another_is_made(lived: Path) -> None:
    copy = Copies(lived).path
    copy.write_bytes(b"not a database" * 1000)
    assert Copies(lived).mend() is None, "the registry itself is whole"
    [note] = Copies(lived).make()
    assert "cannot be read" in note
    assert cycle_of(copy) == 3
    assert Copies(lived).make() == ()


def test_copy_of_what_is_gone_is_never_made(lived: Path) -> None:
    kept = Copies(lived).path.read_bytes()
    forget(lived)
    assert Copies(lived).make() == ("no copy of the registry was made: it is gone",)
    assert not lived.exists()
    assert Copies(lived).path.read_bytes() == kept


@pytest.mark.parametrize("beside", ["kept", "removed"])
@pytest.mark.parametrize("by", ["nothing", "another registry"])
def test_registry_that_vanishes_while_it_is_open_is_put_back_whole(
    lived: Path, by: str, beside: str
) -> None:
    """SQLite goes on with the file that has no name any more."""
    other = lived.parent / "other" / "registry.sqlite"
    write_population(other, 9, founder="b")
    with Registry.create(lived) as opened:
        assert put_back(opened) == ()
        opened.commit(Batch(events=[Event(Kind.COMMAND, 4)], cycle=Cycle(4, "4", Summary())), "run")
        lived.unlink()
        if beside == "removed":
            for file in lived.parent.glob("registry.sqlite-*"):
                file.unlink()
        if by == "another registry":
            lived.write_bytes(other.read_bytes())
        opened.commit(Batch(events=[Event(Kind.COMMAND, 5)], cycle=Cycle(5, "5", Summary())), "run")
        assert Copies(lived).make(opened) == ()
        [note] = put_back(opened)
        assert "it is written anew, whole" in note
        opened.commit(Batch(events=[Event(Kind.COMMAND, 6)], cycle=Cycle(6, "6", Summary())), "run")
        assert put_back(opened) == ()
        assert cycle_of(lived) == 6
    assert cycle_of(lived) == 6
    assert cycle_of(Copies(lived).path) == 5
    assert damage(lived) is None
    kept = list(lived.parent.glob("registry.corrupt-*"))
    assert [cycle_of(path) for path in kept] == ([9] if by == "another registry" else [])
    assert not list(lived.parent.glob(".registry*"))


def test_registry_is_put_back_with_its_whole_folder(lived: Path) -> None:
    with Registry.create(lived) as opened:
        shutil.rmtree(lived.parent)
        assert put_back(opened) != ()
        assert cycle_of(lived) == 3


@pytest.mark.parametrize(
    ("large", "age", "made"),
    [
        pytest.param(False, 5.0, True, id="little"),
        pytest.param(True, 5.0, False, id="large, copied a moment ago"),
        pytest.param(True, 601.0, True, id="large, copied long ago"),
        pytest.param(True, -3600.0, True, id="large, by a clock that was set back since"),
        pytest.param(True, None, True, id="large, never copied"),
    ],
)
def test_large_registry_is_copied_at_an_end_only_now_and_then(
    path: Path, large: bool, age: float | None, made: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "LITTLE", path.stat().st_size - (1 if large else 0))
    copy = Copies(path).path
    if age is None:
        copy.unlink()
    else:
        then = copies.time.time() - age
        os.utime(copy, (then, then))
    with Registry.create(path) as opened:
        assert Copies(path).at_end(opened) == ()
    assert (copy.exists() and count(copy) == 305) is made
