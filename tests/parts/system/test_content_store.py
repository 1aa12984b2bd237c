"""Tests of the content store."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.system.content_store import ContentStore, Reading


@given(data=st.binary(max_size=300))
def test_what_comes_out_is_what_went_in(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = ContentStore(tmp_path_factory.getbasetemp() / "sources")
    code = store.put(data)
    assert code == hashlib.sha256(data).hexdigest()
    assert store.has(code)
    assert store.get(code) == data
    assert (store.folder / code[:2] / code).read_bytes() == data


def test_unknown_content_is_none(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    assert store.get("0" * 64) is None
    assert not store.has("0" * 64)


def test_altered_content_is_dropped_and_can_be_put_again(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    code = store.put(b"gene")
    (tmp_path / code[:2] / code).write_bytes(b"other")
    assert store.get(code) is None
    assert not store.has(code)
    store.put(b"gene")
    assert store.get(code) == b"gene"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63])
def test_name_that_is_no_hash_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no SHA-256"):
        ContentStore(tmp_path).get(name)


def test_reader_sees_what_is_there_and_what_it_put_and_writes_nothing(tmp_path: Path) -> None:
    code = ContentStore(tmp_path).put(b"known")
    reader = Reading(tmp_path)
    mine = reader.put(b"mine")
    assert reader.get(reader.put(b"")) == b""
    assert (reader.get(code), reader.get(mine)) == (b"known", b"mine")
    assert not ContentStore(tmp_path).has(mine)
    (tmp_path / code[:2] / code).write_bytes(b"altered")
    assert reader.get(code) is None
    assert (tmp_path / code[:2] / code).exists()


def test_altered_file_is_put_right_by_who_brings_the_same_bytes_again(tmp_path: Path) -> None:
    store = ContentStore(tmp_path)
    code = store.put(b"gene")
    (tmp_path / code[:2] / code).write_bytes(b"altered")
    assert store.put(b"gene") == code
    assert store.get(code) == b"gene"
