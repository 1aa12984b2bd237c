"""Tests of the folder that builds write in: whatever is left there is read and cleared."""

import os
import resource
from pathlib import Path

import pytest
from deep_folder import dig
from users import as_ordinary, give_to_ordinary

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.seal import Seal
from evolve_ai.substrates.rust.target import Target


@pytest.fixture
def target(tmp_path: Path) -> Target:
    target = Target(tmp_path / "target")
    for inside in ("deps", ".fingerprint", "build"):
        (target.folder / "release" / inside).mkdir(parents=True)
        (target.folder / "other-machine" / "release" / inside).mkdir(parents=True)
    (target.folder / "release" / "deps" / "libx-1.rlib").write_bytes(b"compiled")
    return target


@pytest.fixture
def seal(target: Target, tmp_path: Path) -> Seal:
    seal = Seal(target, tmp_path / "seal.json")
    seal.renew()
    return seal


def test_folders_that_are_shut_to_their_owner_are_opened_before_a_build(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    give_to_ordinary(home)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o711)
    target = Target(home / "target")

    def shut() -> list[Path]:
        folders = [target.folder, target.folder / "release", target.folder / "release" / "deps"]
        folders[-1].mkdir(parents=True)
        (folders[-1] / "kept").touch()
        (target.scratch / "old").mkdir(parents=True)
        for folder in (target.scratch / "old", target.scratch, *reversed(folders)):
            folder.chmod(0)
        return folders

    def work() -> None:
        *_, deps = shut()
        try:
            target.scratch.mkdir()
        except PermissionError:
            pass
        else:
            raise AssertionError("a folder of mode 0 is in nobody's way here")
        target.make_ready()
        assert (deps / "kept").exists(), "what was compiled stays"
        assert list(target.scratch.iterdir()) == []
        target.folder.chmod(0)
        target.empty()
        assert list(target.folder.iterdir()) == []
        shut()
        target.forget("kept")
        assert not (deps / "kept").exists()
        assert target.folder.stat().st_mode & 0o777 == 0o700

    as_ordinary(work, tmp_path / "said")


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_a_compiler_would_wait_for_empties_the_folder(target: Target, kind: str) -> None:
    strange = target.folder / "release" / "build" / "strange"
    os.mkfifo(strange) if kind == "pipe" else os.mknod(strange, 0o140600)
    target.make_ready()
    assert [path.name for path in target.folder.iterdir()] == ["scratch"]


def test_ordinary_files_folders_and_links_stay(target: Target) -> None:
    (target.folder / "release" / "build" / "link").symlink_to("/nonexistent")
    dig(target.folder / "deep")
    target.make_ready()
    assert (target.folder / "release" / "build" / "link").is_symlink()
    assert (target.folder / "deep").exists()
    assert (target.folder / "release" / "deps" / "libx-1.rlib").exists()
    target.empty()


def test_crate_is_forgotten_for_every_machine_and_through_no_link(
    target: Target, tmp_path: Path
) -> None:
    made = [
        target.folder / "release" / "deps" / "libevolve_a-1.rlib",
        target.folder / "release" / "evolve_a.d",
        target.folder / "other-machine" / "release" / ".fingerprint" / "evolve_a-2",
    ]
    made[0].touch()
    made[1].touch()
    made[2].mkdir()
    (tmp_path / "outside" / "deps").mkdir(parents=True)
    (tmp_path / "outside" / "deps" / "evolve_a-1").touch()
    (target.folder / "linked").mkdir()
    (target.folder / "linked" / "release").symlink_to(tmp_path / "outside")
    target.forget("evolve_a")
    assert not any(path.exists() for path in made)
    assert (tmp_path / "outside" / "deps" / "evolve_a-1").exists()
    assert (target.folder / "release" / "deps" / "libx-1.rlib").exists()


def test_crate_that_is_not_on_the_disk_costs_no_memory_and_ends_the_build(
    target: Target, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sparse file of any size takes no room, but time to read, and once took its size of ours."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sparse = target.folder / "release" / "deps" / "sparse.rlib"
    with sparse.open("wb") as file:
        file.truncate(2**29)
    seal.renew()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17, "in KiB"
    monkeypatch.setattr("evolve_ai.substrates.rust.seal.MAX_ALL", 2**28)
    assert seal.is_broken()
    with pytest.raises(ToolchainError, match=f"more than {2**28} bytes"):
        seal.renew()
    assert list(target.folder.iterdir()) == [], "so that the next build is not stopped by it"
    assert not seal.is_broken()


def test_more_crates_than_anybody_needs_end_the_build(
    target: Target, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.target.MAX_CRATES", 20)
    for at in range(21):
        (target.folder / "release" / "deps" / f"{at}.rlib").touch()
    with pytest.raises(ToolchainError, match="more than 20 compiled crates"):
        seal.renew()
    assert list(target.folder.iterdir()) == []


def test_names_that_are_no_text_are_sealed_like_others(target: Target, seal: Seal) -> None:
    strange = Path(os.fsdecode(os.fsencode(target.folder / "release" / "deps") + b"/\xff.rlib"))
    strange.write_bytes(b"one")
    seal.renew()
    assert not seal.is_broken()
    strange.write_bytes(b"two")
    assert seal.is_broken()
