"""Tests of the key: whoever else may have had it, it signs nothing any more."""

import os
from pathlib import Path

import pytest

from evolve_ai.model.errors import SigningKeyError
from evolve_ai.system.signing import is_signed, make_key, read_key


def refused(file: Path) -> str:
    with pytest.raises(SigningKeyError) as told:
        read_key(file)
    assert told.value.where == str(file) and told.value.todo
    return told.value.what


def test_key_is_made_once_for_its_user_only_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "workspace" / "key"
    assert read_key(file) is None
    key = make_key(file)
    assert file.stat().st_mode & 0o7777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["key"]
    again = read_key(file)
    assert again is not None and again.public == key.public
    signature = key.sign(b"statement")
    assert again.verifies(b"statement", signature)
    assert not again.verifies(b"Statement", signature)
    assert not again.verifies(b"statement", signature[:-1])


def test_no_second_key_is_made_in_the_place_of_one(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    with pytest.raises(SigningKeyError):
        make_key(tmp_path / "key")
    found = read_key(tmp_path / "key")
    assert found is not None and found.public == key.public
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_keys_differ(tmp_path: Path) -> None:
    one, other = make_key(tmp_path / "one"), make_key(tmp_path / "other")
    assert not other.verifies(b"statement", one.sign(b"statement"))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o777])
def test_key_that_others_could_have_is_refused(mode: int, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    assert f"mode {mode:04o}" in refused(tmp_path / "key")


def test_link_to_a_key_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "elsewhere")
    (tmp_path / "key").symlink_to("elsewhere")
    assert "a link" in refused(tmp_path / "key")


def test_pipe_for_a_key_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    assert "no regular file" in refused(tmp_path / "key")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_key_of_another_user_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    os.chown(tmp_path / "key", 12345, 12345)
    assert "belongs to user 12345" in refused(tmp_path / "key")


def test_key_with_any_other_character_is_refused(tmp_path: Path) -> None:
    """Never is a damaged key just another key, by which all programs would seem forged."""
    file = tmp_path / "key"
    made = make_key(file)
    data = file.read_bytes()
    for at in range(len(data)):
        other = bytearray(data)
        other[at] ^= 1
        file.write_bytes(other)
        try:
            key = read_key(file)
        except SigningKeyError as error:
            assert error.what == "the key is damaged"
        else:  # of no meaning: a line's end, say
            assert key is not None and key.public == made.public


@pytest.mark.parametrize("content", [b"", b"\0" * 70_000, b"-----BEGIN PUBLIC KEY-----"])
def test_what_is_no_key_is_refused(content: bytes, tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    (tmp_path / "key").write_bytes(content)
    refused(tmp_path / "key")


@pytest.mark.parametrize("public", ["", "zz", "00" * 31, "None"])
def test_no_key_has_signed_anything(public: str) -> None:
    assert not is_signed(b"statement", b"\0" * 64, public)
