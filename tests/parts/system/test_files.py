"""Tests of publishing files."""

import errno
import os
import stat
from pathlib import Path

import pytest
from limited_files import files_of_at_most

from evolve_ai.model.errors import StorageError
from evolve_ai.system.files import (
    check_room,
    is_full,
    publish,
    publish_if_changed,
    storage_errors,
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


def test_disk_is_asked_for_room_by_writing(tmp_path: Path) -> None:
    check_room(tmp_path)
    with files_of_at_most(100), pytest.raises(StorageError, match="larger than this account may"):
        check_room(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_system_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), storage_errors(tmp_path):
        raise IsADirectoryError(errno.EISDIR, "a folder")


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
