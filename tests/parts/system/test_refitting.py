"""Tests of folders that are made of others: equal to new ones, whatever lay there before."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from evolve_ai.system.files import opened
from evolve_ai.system.refitting import refit

FILES = {
    "Cargo.toml": b"[package]",
    "agent.log": b"",
    "genome.bin": bytes(range(256)),
    "src/main.rs": b"fn main() {}",
    "src/genes/trend.rs": b"pub fn holt() {}",
}


def new(folder: Path) -> Path:
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch(0o644)
        (folder / name).write_bytes(data)
    (folder / "state").mkdir()
    return folder


def told(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, links and content by path; nothing is followed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        seen = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(seen.st_mode) else b""
        links = seen.st_nlink if stat.S_ISREG(seen.st_mode) else 0
        found[str(path.relative_to(folder))] = (seen.st_mode, links, data)
    return found


def fitted(aside: Path, name: str = "dead") -> None:
    with opened(aside) as place:
        refit(place, name, FILES, ("state",))


def leave_as_it_is(folder: Path) -> None:
    pass


def add_things(folder: Path) -> None:
    (folder / "src" / "genes" / "old.rs").write_text("old")
    (folder / "state" / "deep" / "er").mkdir(parents=True)
    (folder / "state" / "genome.bin").write_bytes(b"offer")
    (folder / "target").mkdir()
    (folder / "target" / "x").touch()
    os.mkfifo(folder / "pipe")


def change_contents(folder: Path) -> None:
    (folder / "src" / "main.rs").write_text("x" * 10_000)
    (folder / "Cargo.toml").write_text("")
    (folder / "genome.bin").write_bytes(bytes(256))
    (folder / "agent.log").write_text("a stray print")


def change_kinds(folder: Path) -> None:
    (folder / "src" / "main.rs").unlink()
    (folder / "src" / "main.rs").mkdir()
    (folder / "src" / "main.rs" / "x").touch()
    (folder / "state").rmdir()
    (folder / "state").touch()
    (folder / "Cargo.toml").unlink()
    os.mkfifo(folder / "Cargo.toml")


def take_things_away(folder: Path) -> None:
    (folder / "src" / "genes" / "trend.rs").unlink()
    (folder / "src" / "genes").rmdir()
    (folder / "genome.bin").unlink()


def change_modes(folder: Path) -> None:
    (folder / "src").chmod(0o777)
    (folder / "src" / "main.rs").chmod(0o4755)
    (folder / "genome.bin").chmod(0)
    folder.chmod(0o700)


@pytest.mark.parametrize(
    "change",
    [
        leave_as_it_is,
        add_things,
        change_contents,
        change_kinds,
        take_things_away,
        change_modes,
    ],
)
def test_folder_is_as_a_new_one(tmp_path: Path, change: Callable[[Path], None]) -> None:
    (tmp_path / "aside").mkdir()
    wanted = told(new(tmp_path / "new"))
    change(new(tmp_path / "aside" / "dead"))
    fitted(tmp_path / "aside")
    assert told(tmp_path / "aside" / "dead") == wanted


def test_what_is_the_same_is_not_written(tmp_path: Path) -> None:
    folder = new(tmp_path / "dead")
    (folder / "genome.bin").write_bytes(b"another")
    before = {name: (folder / name).stat() for name in FILES}
    fitted(tmp_path)
    after = {name: (folder / name).stat() for name in FILES}
    assert {name: one.st_ino for name, one in before.items()} == {
        name: one.st_ino for name, one in after.items()
    }, "no file is made anew"
    written = {name for name in FILES if before[name].st_mtime_ns != after[name].st_mtime_ns}
    assert written == {"genome.bin"}


@pytest.mark.parametrize("place", ["src/main.rs", "src/genes", "src", "state"])
def test_no_link_is_followed(tmp_path: Path, place: str) -> None:
    precious = new(tmp_path / "precious")
    before = told(precious)
    folder = new(tmp_path / "dead")
    (folder / place).rename(tmp_path / "old")
    (folder / place).symlink_to(precious / place)
    fitted(tmp_path)
    assert told(precious) == before
    assert told(folder) == before


def test_file_with_a_second_name_is_not_written_into(tmp_path: Path) -> None:
    folder = new(tmp_path / "dead")
    (folder / "genome.bin").unlink()
    (tmp_path / "thesis").write_text("mine")
    (folder / "genome.bin").hardlink_to(tmp_path / "thesis")
    fitted(tmp_path)
    assert (tmp_path / "thesis").read_text() == "mine"
    assert (folder / "genome.bin").read_bytes() == FILES["genome.bin"]


@pytest.mark.parametrize("what", ["a link", "a file", "nothing"])
def test_only_a_folder_can_be_fitted(tmp_path: Path, what: str) -> None:
    precious = new(tmp_path / "precious")
    before = told(precious)
    if what == "a link":
        (tmp_path / "dead").symlink_to(precious)
    elif what == "a file":
        (tmp_path / "dead").touch()
    with pytest.raises(OSError, match="dead"):
        fitted(tmp_path)
    assert told(precious) == before
