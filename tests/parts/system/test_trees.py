"""Tests of walking and removing folders that somebody has filled as he liked."""

import contextlib
import os
import resource
import shutil
import socket
import stat
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from deep_folder import dig
from users import as_ordinary, give_to_ordinary

from evolve_ai.model.errors import StorageError
from evolve_ai.system.files import publish
from evolve_ai.system.trees import discard, empty_tree, remove_tree, tree_size, walk


def test_tree_size_counts_files_below(tmp_path: Path) -> None:
    publish(tmp_path / "a" / "b", b"12345")
    publish(tmp_path / "c", b"123")
    assert tree_size(tmp_path) == 8
    assert tree_size(tmp_path / "nowhere") == 0


def test_folder_of_any_depth_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(1100):  # beyond what a path or a recursion can reach
        os.mkdir("d" * 20, dir_fd=handle)
        os.symlink(tmp_path, "link", dir_fd=handle)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.fchmod(handle, 0o500)
    os.close(handle)
    (tmp_path / "stays").touch()
    remove_tree(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["stays"]


def test_of_a_link_only_the_link_is_removed(tmp_path: Path) -> None:
    precious = tmp_path / "precious" / "deeper"
    precious.mkdir(parents=True)
    (precious / "thesis").touch()
    (tmp_path / "link").symlink_to(precious.parent)
    remove_tree(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    assert (precious / "thesis").exists()


def test_link_that_takes_the_place_of_a_folder_meanwhile_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious, folder = tmp_path / "precious", tmp_path / "folder"
    precious.mkdir(mode=0o500)
    (folder / "inner").mkdir(parents=True)
    look = os.scandir

    def swapped(at: int) -> Any:
        listed = look(at)
        monkeypatch.setattr(os, "scandir", look)
        found = list(listed)
        (folder / "inner").rmdir()
        (folder / "inner").symlink_to(precious)
        return contextlib.nullcontext(found)

    monkeypatch.setattr(os, "scandir", swapped)
    remove_tree(folder)
    assert not folder.exists()
    assert stat.S_IMODE(precious.stat().st_mode) == 0o500


def descriptors() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


@contextlib.contextmanager
def few_descriptors() -> Iterator[None]:
    """Eight more than there are."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(descriptors())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def files(found: Iterator[os.stat_result]) -> int:
    return sum(stat.S_ISREG(one.st_mode) for one in found)


def fill(folder: Path) -> None:
    """With all that a hostile program can make of names, modes and kinds."""
    folder.mkdir()
    for at, mode in enumerate((0, 0o100, 0o200, 0o400, 0o500)):
        shut = folder / f"shut-{at}"
        (shut / "inner" / "deeper").mkdir(parents=True)
        (shut / "file").write_bytes(b"x" * 10)
        (shut / "file").chmod(0)
        (shut / "inner").chmod(mode)
        shut.chmod(mode)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe/\n\x1b[2J")).touch()
    (folder / ("n" * 255)).mkdir()
    (folder / ".removed-1-0").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("nowhere")
    (folder / "around").symlink_to(folder)
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(folder):
        listening.bind("socket")


def test_whatever_a_program_can_leave_is_removed_by_its_ordinary_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    give_to_ordinary(home)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o711)

    def work() -> None:
        fill(home / "folder")
        assert files(walk(home)) == 2, "others lie in folders that are shut"
        assert files(walk(home, mend=True)) == files(walk(home)) == 6
        remove_tree(home / "folder")
        fill(home / "folder")
        (home / "folder").chmod(0)
        remove_tree(home / "folder")
        assert list(home.iterdir()) == []

    as_ordinary(work, tmp_path / "said")


def test_modes_stay_in_the_way_of_who_does_not_mend_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    give_to_ordinary(home)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o711)

    def work() -> None:
        fill(home / "folder")
        shutil.rmtree(home / "folder", ignore_errors=True)
        assert len(list((home / "folder").iterdir())) > 3

    as_ordinary(work, tmp_path / "said")


@pytest.mark.parametrize("depth", [1500, 6000])
def test_depth_costs_no_descriptors_and_no_stack(tmp_path: Path, depth: int) -> None:
    if depth <= 1500:
        dig(tmp_path / "copied")
        with pytest.raises((RecursionError, OSError)):
            shutil.copytree(tmp_path / "copied", tmp_path / "copy")
        remove_tree(tmp_path / "copied")
        remove_tree(tmp_path / "copy")
    dig(tmp_path / "deep", depth)
    before, highest = len(descriptors()), 0
    for number, _ in enumerate(walk(tmp_path / "deep"), 1):
        if number % 100 == 0:
            highest = max(highest, len(descriptors()) - before)
    assert number == depth
    assert highest <= 40
    with few_descriptors():
        remove_tree(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


def test_walk_of_deep_and_wide_folders_sees_everything_once(tmp_path: Path) -> None:
    def lay(folder: Path, depth: int) -> int:
        folder.mkdir()
        (folder / "file").touch()
        return 2 + sum(
            lay(folder / str(at), depth - 1) for at in range(2 if depth > 27 else 1) if depth
        )

    laid = lay(tmp_path / "tree", 32)
    assert sum(1 for _ in walk(tmp_path / "tree")) == laid - 1


def test_folder_that_is_moved_away_while_we_walk_in_it_leads_nowhere(tmp_path: Path) -> None:
    dig(tmp_path / "deep", 40)
    for name in ("before", "zlast"):
        (tmp_path / "deep" / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    for at in range(50):
        (tmp_path / "elsewhere" / f"not-ours-{at}").touch()
    walked = walk(tmp_path / "deep")
    seen = [next(walked) for _ in range(30)]
    (tmp_path / "deep" / "d" / "d").rename(tmp_path / "elsewhere" / "d")
    assert len(seen) + len(list(walked)) <= 42


def test_what_cannot_be_removed_is_told_with_its_place_and_all_else_goes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name in ("a", "b", "c"):
        (folder / "inner" / name).mkdir(parents=True)
        (folder / "inner" / name / "file").touch()
    kept = folder / "inner" / "b" / "file"
    if subprocess.run(["chattr", "+i", str(kept)], check=False, capture_output=True).returncode:
        pytest.skip("no file can be made immutable here")
    try:
        with pytest.raises(StorageError, match="Operation not permitted") as raised:
            remove_tree(folder)
        assert raised.value.where is not None
        left = [path for path in folder.rglob("*") if path.is_file()]
        assert [Path(raised.value.where)] == left
        assert "lsattr" in str(raised.value)
        discard(folder)
        assert list(folder.glob("*/file")), "as far as possible"
    finally:
        for path in folder.rglob("*"):
            subprocess.run(["chattr", "-i", str(path)], check=False, capture_output=True)
    remove_tree(folder)
    assert list(tmp_path.iterdir()) == []


def test_what_is_mounted_in_a_folder_stays_and_is_told(tmp_path: Path) -> None:
    folder, precious = tmp_path / "folder", tmp_path / "precious"
    (folder / "a" / "mounted").mkdir(parents=True)
    (folder / "b").mkdir()
    precious.mkdir()
    (precious / "thesis").touch()
    precious.chmod(0)
    mount = ["mount", "--bind", str(precious), str(folder / "a" / "mounted")]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert sum(1 for _ in walk(folder, mend=True)) == 3, "and not what is mounted"
        assert stat.S_IMODE(precious.stat().st_mode) == 0
        with pytest.raises(StorageError, match="something is mounted there"):
            remove_tree(folder)
        assert stat.S_IMODE(precious.stat().st_mode) == 0
        precious.chmod(0o700)
        assert (precious / "thesis").exists()
        assert not (folder / "b").exists()
    finally:
        told = Path("/proc/mounts").read_text()
        for line in told.splitlines():
            if str(folder) in line:
                subprocess.run(["umount", line.split()[1]], check=True)
    remove_tree(folder)


def test_more_folders_than_names_are_kept_of_are_all_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.system.trees._AT_ONCE", 7)
    for at in range(50):
        (tmp_path / "folder" / f"{at % 5}" / f"{at}" / "x").mkdir(parents=True)
    remove_tree(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []


def test_many_entries_take_no_memory(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    first = folder / "inner" / "0"
    first.touch()
    handle = os.open(folder / "inner", os.O_RDONLY)
    for at in range(1, 20_000):
        os.link("0", f"{at:0>60}", src_dir_fd=handle, dst_dir_fd=handle)
    os.close(handle)
    tracemalloc.start()
    assert sum(1 for _ in walk(folder)) == 20_001
    remove_tree(folder)
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert highest < 1_000_000


def test_somebody_who_goes_on_writing_is_told_of_and_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    unlink = os.unlink

    def again(name: str, *, dir_fd: int) -> None:
        unlink(name, dir_fd=dir_fd)
        os.mkdir(f"{name}x"[-200:], dir_fd=dir_fd)
        os.close(os.open(f"{name}x"[-200:] + "/f", os.O_CREAT | os.O_WRONLY, dir_fd=dir_fd))

    (folder / "f").touch()
    monkeypatch.setattr(os, "unlink", again)
    with pytest.raises(StorageError, match="somebody goes on writing there"):
        remove_tree(folder)
    monkeypatch.undo()
    remove_tree(folder)


def test_nothing_there_is_removed_without_a_word(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nowhere")
    empty_tree(tmp_path / "nowhere")
    discard(tmp_path / "nowhere" / "deeper")
    os.mkfifo(tmp_path / "pipe")
    remove_tree(tmp_path / "pipe")
    assert list(tmp_path.iterdir()) == []
