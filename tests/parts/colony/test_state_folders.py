"""Tests of looking at `state/`: nothing an agent does to times or names hides what it holds."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evolve_ai.colony import state_folders
from evolve_ai.colony.state_folders import StateFolders
from evolve_ai.model.sandbox import AgentBox, Protection
from evolve_ai.system.moment import times_of

TOO_MANY = "state/ holds more than the 64 files that are allowed"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def folders() -> StateFolders:
    return StateFolders(AgentBox())


def flood(state: Path, files: int = 5000) -> None:
    for at in range(files):
        (state / f"{at}").touch()


def at_one_time(monkeypatch: pytest.MonkeyPatch, at: int, now: int) -> None:
    """Every folder bears the same times, as in one step of the clock of its file system."""
    look = os.lstat

    def coarse(path: str) -> Any:
        found = look(path)
        same = {"st_mtime_ns": at, "st_ctime_ns": at, "st_ino": found.st_ino}
        return SimpleNamespace(st_mode=found.st_mode, st_blocks=found.st_blocks, **same)

    shown = {name: getattr(os, name) for name in ("scandir", "stat_result")}
    monkeypatch.setattr(state_folders, "os", SimpleNamespace(lstat=coarse, **shown))
    clock = SimpleNamespace(time_ns=lambda: now)
    monkeypatch.setattr("evolve_ai.system.moment.time", clock)


@pytest.mark.parametrize("old", [0, 900_000_000, -3_600_000_000_000])
def test_flood_in_the_same_step_of_the_clock_is_seen(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch, old: int
) -> None:
    """Also where the clock was set back, so that the times of files lie in the future."""
    at = time.time_ns()
    at_one_time(monkeypatch, at, at + old)
    assert folders.excess("a", state.parent, os.getpid()) is None
    flood(state)
    assert folders.excess("a", state.parent, os.getpid()) == TOO_MANY


def test_flood_in_the_same_step_of_the_clock_is_hidden_from_who_trusts_an_equal_time(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.system.moment._NANOSECONDS", -1)
    at = time.time_ns()
    at_one_time(monkeypatch, at, at + 1)
    assert folders.excess("a", state.parent, os.getpid()) is None
    flood(state)
    assert folders.excess("a", state.parent, os.getpid()) is None


def test_time_that_the_owner_sets_back_hides_nothing(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.system.moment._NANOSECONDS", -1)
    os.utime(state, ns=(1, 1))
    assert folders.excess("a", state.parent, os.getpid()) is None
    flood(state)
    os.utime(state, ns=(1, 1))
    assert state.lstat().st_mtime_ns == 1
    assert folders.excess("a", state.parent, os.getpid()) == TOO_MANY


def test_other_folder_in_its_place_is_looked_into(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.time_ns()
    at_one_time(monkeypatch, at - 10**10, at)
    assert folders.excess("a", state.parent, os.getpid()) is None
    full = state.parent / "full"
    full.mkdir()
    flood(full)
    state.rmdir()
    full.rename(state)
    assert folders.excess("a", state.parent, os.getpid()) == TOO_MANY


def test_empty_folder_that_has_not_been_touched_for_long_is_not_opened(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = time.time_ns()
    at_one_time(monkeypatch, at - 10**10, at)
    assert folders.excess("a", state.parent, os.getpid()) is None
    monkeypatch.setattr(state_folders.os, "scandir", None)
    assert folders.excess("a", state.parent, os.getpid()) is None


def nameless(state: Path) -> int:
    return os.open(state, os.O_TMPFILE | os.O_WRONLY, 0o600)


def removed(state: Path) -> int:
    handle = os.open(state / "removed", os.O_CREAT | os.O_WRONLY, 0o600)
    (state / "removed").unlink()
    return handle


@pytest.fixture(params=[nameless, removed])
def held(state: Path, folders: StateFolders, request: pytest.FixtureRequest) -> Iterator[None]:
    """An open file of no folder, which was empty when the folder was last looked into."""
    handle = request.param(state)
    os.utime(state, ns=(1, 1))
    seen = state.lstat()
    with pytest.MonkeyPatch.context() as patch:
        clock = SimpleNamespace(time_ns=lambda: time.time_ns() + 10**10)
        patch.setattr("evolve_ai.system.moment.time", clock)
        assert folders.excess("a", state.parent, os.getpid()) is None
    assert folders._empty == {"a": times_of(seen)}
    os.write(handle, b"x" * 2**21)
    assert times_of(state.lstat()) == times_of(seen)
    yield
    os.close(handle)


def test_file_of_no_folder_that_grows_later_is_seen(
    state: Path, folders: StateFolders, held: None
) -> None:
    folders.box = AgentBox(state_bytes=2**20)
    excess = folders.excess("a", state.parent, os.getpid())
    assert excess is not None
    assert "of them in removed files), 1048576 are allowed" in excess


def test_file_of_no_folder_is_hidden_from_who_looks_into_folders_alone(
    state: Path, folders: StateFolders, held: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.box = AgentBox(state_bytes=2**20)
    monkeypatch.setattr(state_folders, "held_by", lambda pid, path: 0)
    assert folders.excess("a", state.parent, os.getpid()) is None


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """So late that no time of a file is too young to be trusted."""
    clock = SimpleNamespace(time_ns=lambda: time.time_ns() + 10**10)
    monkeypatch.setattr("evolve_ai.system.moment.time", clock)


@pytest.mark.usefixtures("later")
def test_process_that_held_nothing_is_not_looked_through_while_its_folder_stays_empty(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_folders, "held_by", lambda pid, path: None)
    assert folders.excess("a", state.parent, os.getpid()) is None
    monkeypatch.setattr(state_folders, "held_by", lambda pid, path: 2**40)
    assert folders.excess("a", state.parent, os.getpid()) is None
    assert folders.excess("a", state.parent, os.getppid()) is not None, "another process"
    (state / "file").touch()
    (state / "file").unlink()
    assert folders.excess("a", state.parent, os.getpid()) is not None


@pytest.mark.usefixtures("later")
def test_file_that_was_never_in_the_folder_is_looked_for_where_a_box_is_not_whole(
    state: Path,
) -> None:
    lifted = frozenset({Protection.DISK})
    folders = StateFolders(AgentBox(state_bytes=2**20, lifted=lifted))
    assert folders.excess("a", state.parent, os.getpid()) is None
    handle = nameless(state)
    os.write(handle, b"x" * 2**21)
    assert folders.excess("a", state.parent, os.getpid()) is not None
    os.close(handle)


def test_folder_that_is_moved_whenever_it_is_looked_into_hides_nothing(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state / "0").mkdir()
    flood(state / "0")
    look, moved = os.scandir, []

    def moving(path: str) -> Any:
        if len(path) > len(str(state)):
            moved.append(path)
            (state / f"{len(moved) - 1}").rename(state / f"{len(moved)}")
        return look(path)

    monkeypatch.setattr(os, "scandir", moving)
    reason = folders.excess("a", state.parent, os.getpid())
    assert reason == "state/ holds folders that are moved whenever they are counted"
    monkeypatch.undo()
    assert folders.excess("a", state.parent, os.getpid()) == TOO_MANY


def test_folder_that_goes_while_it_is_looked_at_is_no_offence(
    state: Path, folders: StateFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    (state / "short-lived").mkdir()
    look = os.scandir

    def going(path: str) -> Any:
        if path.endswith("short-lived"):
            (state / "short-lived").rmdir()
        return look(path)

    monkeypatch.setattr(os, "scandir", going)
    assert folders.excess("a", state.parent, os.getpid()) is None
