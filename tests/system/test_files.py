"""Tests of publishing files."""

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from limited_files import files_of_at_most

from evolve_ai.model.errors import StorageError
from evolve_ai.system.files import (
    is_full,
    publish,
    publish_if_changed,
    remove_tree,
    storage_errors,
    tree_size,
)


def test_published_file_replaces_the_old_one_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    publish(path, b"one")
    publish(path, b"two", mode=0o555)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o555
    assert [one.name for one in path.parent.iterdir()] == ["file"]


def test_failed_publication_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    publish(path, b"one")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        publish(path, b"two")
    assert path.read_bytes() == b"one"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_unchanged_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert publish_if_changed(path, b"one")
    os.utime(path, ns=(1, 1))
    assert not publish_if_changed(path, b"one")
    assert path.stat().st_mtime_ns == 1
    assert publish_if_changed(path, b"two")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_refusing_disk_is_a_storage_error(number: int, tmp_path: Path) -> None:
    with pytest.raises(StorageError), storage_errors(tmp_path):
        raise OSError(number, "told by the system")


def test_file_larger_than_the_account_may_write_is_told_with_what_helps(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with files_of_at_most(4), pytest.raises(StorageError) as raised:
        publish(path, b"12345")
    assert "larger than this account may write" in raised.value.what
    assert "ulimit -f" in str(raised.value)
    assert is_full(raised.value), "it is nobody's fault in particular"
    assert list(tmp_path.iterdir()) == []


def test_other_system_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), storage_errors(tmp_path):
        raise IsADirectoryError(errno.EISDIR, "a folder")


def test_tree_size_counts_files_below(tmp_path: Path) -> None:
    publish(tmp_path / "a" / "b", b"12345")
    publish(tmp_path / "c", b"123")
    assert tree_size(tmp_path) == 8
    assert tree_size(tmp_path / "nowhere") == 0


@pytest.mark.parametrize("stands", ["pipe", "link", "huge", "folder link"])
def test_whatever_stands_there_is_replaced_without_being_read(tmp_path: Path, stands: str) -> None:
    path = tmp_path / "file"
    if stands == "pipe":
        os.mkfifo(path)
    elif stands == "huge":
        with path.open("wb") as file:
            file.truncate(2**40)
    else:
        path.symlink_to("/dev/zero" if stands == "link" else tmp_path)
    assert publish_if_changed(path, b"new")
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


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
    with pytest.raises(OSError):
        remove_tree(folder)
    assert stat.S_IMODE(precious.stat().st_mode) == 0o500
