"""The user's cache: found where it may be trusted, filled where it can be, in nobody's way else."""

import os
import stat
from pathlib import Path

import pytest
from limited_files import files_of_at_most
from users import ORDINARY, give_to_ordinary

from evolve_ai.colony.keeper_cache import cached, keep
from evolve_ai.colony.keeper_recipe import PROGRAM, USAGE, key


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Of a user who says nothing of a cache."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return home


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """All that the cache wants of one is its exit code."""
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nexit {USAGE}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def kept(home: Path, program: Path) -> Path:
    keep(program)
    return place_in(home / ".cache")


def place_in(cache: Path) -> Path:
    return cache / "evolve" / "keeper" / key() / PROGRAM


def only_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")


def test_kept_program_is_found_below_the_home(kept: Path, program: Path) -> None:
    assert cached() == kept
    assert kept.read_bytes() == program.read_bytes()
    assert [entry.name for entry in kept.parent.iterdir()] == [PROGRAM]


def test_cache_lies_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path, program: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    keep(program)
    assert cached() == place_in(tmp_path / "mine")
    assert list(home.iterdir()) == []


def test_relative_path_of_a_cache_is_ignored(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path, program: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "mine")
    keep(program)
    assert cached() == place_in(home / ".cache")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("home_is", [None, "", "relative", "/nonexistent/home"])
def test_without_a_home_there_is_no_cache(
    monkeypatch: pytest.MonkeyPatch, home: Path, program: Path, home_is: str | None
) -> None:
    if home_is is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home_is)
    keep(program)
    assert cached() is None
    assert not Path("/nonexistent").exists()


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077], ids=oct)
def test_folders_of_the_cache_are_the_users_alone(home: Path, program: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        keep(program)
    finally:
        os.umask(before)
    place = cached()
    assert place is not None
    assert stat.S_IMODE(place.stat().st_mode) == 0o755
    folders = [folder for folder in place.parents if folder.is_relative_to(home / ".cache")]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


# What does not count.


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o644], ids=oct)
def test_program_that_others_may_write_or_nobody_may_run_does_not_count(
    kept: Path, mode: int
) -> None:
    kept.chmod(mode)
    assert cached() is None


@pytest.mark.parametrize(("mode", "counts"), [(0o700, True), (0o777, False), (0o1777, True)])
def test_link_counts_where_nobody_else_can_lead_it_elsewhere(
    kept: Path, home: Path, tmp_path: Path, mode: int, counts: bool
) -> None:
    """~/.cache -> shared/link -> real"""
    shared, real = tmp_path / "shared", tmp_path / "real"
    shared.mkdir()
    shared.chmod(mode)
    (home / ".cache").rename(real)
    (shared / "link").symlink_to(real)
    (home / ".cache").symlink_to(shared / "link")
    assert (cached() is not None) is counts


def test_link_of_another_user_does_not_count(kept: Path, home: Path, tmp_path: Path) -> None:
    only_root()
    sticky, real = tmp_path / "sticky", tmp_path / "real"
    sticky.mkdir()
    sticky.chmod(0o1777)
    (home / ".cache").rename(real)
    (sticky / "link").symlink_to(real)
    (home / ".cache").symlink_to(sticky / "link")
    assert cached() is not None
    os.lchown(sticky / "link", ORDINARY.pw_uid, ORDINARY.pw_gid)
    assert cached() is None


def test_links_in_a_circle_are_no_cache(home: Path, program: Path) -> None:
    (home / ".cache").symlink_to(home / "other")
    (home / "other").symlink_to(home / ".cache")
    keep(program)
    assert cached() is None


@pytest.mark.parametrize("mode", [0o770, 0o707], ids=oct)
@pytest.mark.parametrize("level", range(4))
def test_program_in_a_folder_that_others_may_write_does_not_count(
    kept: Path, level: int, mode: int
) -> None:
    kept.parents[level].chmod(mode)
    assert cached() is None


def test_folder_above_may_be_as_tmp_is(kept: Path) -> None:
    kept.parents[3].chmod(0o1777)
    assert cached() == kept
    kept.parent.chmod(0o1777)
    assert cached() is None


def test_program_of_another_user_does_not_count(kept: Path) -> None:
    only_root()
    give_to_ordinary(kept)
    assert kept.stat().st_uid == ORDINARY.pw_uid
    assert cached() is None


@pytest.mark.parametrize("level", range(4))
def test_program_in_a_folder_of_another_user_does_not_count(kept: Path, level: int) -> None:
    only_root()
    give_to_ordinary(kept.parents[level])
    assert cached() is None


def test_link_or_pipe_does_not_count(kept: Path, program: Path) -> None:
    kept.unlink()
    kept.symlink_to(program)
    assert cached() is None
    kept.unlink()
    os.mkfifo(kept, 0o755)
    assert cached() is None


def test_program_that_does_not_run_here_does_not_count(kept: Path) -> None:
    """As one that was linked to libraries that this machine lacks, or a half of one."""
    kept.write_text("#!/bin/sh\nexit 127\n")
    assert cached() is None
    kept.write_bytes(b"\x7fELF")
    assert cached() is None


def test_cache_may_be_a_link_but_not_one_that_others_can_change(
    home: Path, tmp_path: Path, program: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (home / ".cache").symlink_to(elsewhere)
    keep(program)
    assert cached() == place_in(home / ".cache")
    home.chmod(0o777)
    assert cached() is None
    home.chmod(0o700)
    elsewhere.chmod(0o777)
    assert cached() is None


# What cannot be written.


def test_cache_that_is_no_folder_is_no_error(home: Path, program: Path) -> None:
    (home / ".cache").write_text("in the way")
    keep(program)
    assert cached() is None


def test_full_cache_is_no_error_and_nothing_of_ours_is_left_there(
    home: Path, program: Path
) -> None:
    with files_of_at_most(4):
        keep(program)
    assert cached() is None
    assert list(place_in(home / ".cache").parent.iterdir()) == []


@pytest.mark.parametrize("level", ["home", "cache"])
def test_nothing_is_written_where_others_may_write(home: Path, program: Path, level: str) -> None:
    (home / ".cache").mkdir(mode=0o700)
    open_to_others = {"home": home, "cache": home / ".cache"}[level]
    open_to_others.chmod(0o777)
    keep(program)
    assert list((home / ".cache").iterdir()) == []


def test_nothing_is_written_into_the_home_of_another_user(home: Path, program: Path) -> None:
    """As where root runs a command with the environment of a user."""
    only_root()
    give_to_ordinary(home)
    keep(program)
    assert list(home.iterdir()) == []
