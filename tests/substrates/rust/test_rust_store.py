"""Tests of the program store: nothing torn or altered is ever started."""

import json
import os
from pathlib import Path

import pytest

from evolve_ai.substrates.rust.store import INDEX, PROGRAM, ProgramStore


def binary(folder: Path, content: bytes = b"program") -> Path:
    file = folder / "made"
    file.write_bytes(content)
    return file


def only_batch(store: ProgramStore) -> Path:
    (batch,) = store.folder.iterdir()
    return batch


def test_program_is_found_by_fingerprint_again_in_a_later_run(tmp_path: Path) -> None:
    made = ProgramStore(tmp_path / "programs").add(binary(tmp_path), ["a", "b"])
    found = ProgramStore(tmp_path / "programs").find(["b", "a", "c"])
    assert found == made
    assert found["b"].arguments == ("1",)
    assert found["b"].file.read_bytes() == b"program"
    assert os.access(found["b"].file, os.X_OK)


@pytest.mark.parametrize("content", [b"", b"prog", b"programme", b"Program"])
def test_altered_program_is_dropped(content: bytes, tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs")
    store.add(binary(tmp_path), ["a"])
    file = only_batch(store) / PROGRAM
    file.chmod(0o755)
    file.write_bytes(content)
    later = ProgramStore(tmp_path / "programs")
    assert later.find(["a"]) == {}
    assert list(later.folder.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"program": 1}', b'{"program":1,"rows":7}']
)
def test_torn_index_is_dropped(content: bytes, tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs")
    store.add(binary(tmp_path), ["a"])
    (only_batch(store) / INDEX).write_bytes(content)
    later = ProgramStore(tmp_path / "programs")
    assert later.find(["a"]) == {}
    assert list(later.folder.iterdir()) == []


def test_half_written_batch_is_swept_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    (folder / ".new-x").mkdir(parents=True)
    (folder / ".new-x" / PROGRAM).write_bytes(b"half")
    ProgramStore(folder)
    assert list(folder.iterdir()) == []


def test_prune_drops_the_longest_unused_but_nothing_needed(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs", limit=2500)
    for age, name in enumerate(["oldest", "needed", "older", "newest"]):
        found = store.add(binary(tmp_path, name.encode() * (1000 // len(name))), [name])
        os.utime(found[name].file.parent / INDEX, (1000 + age, 1000 + age))
    assert store.prune(["needed", "unknown"]) == 2
    assert set(store.find(["oldest", "needed", "older", "newest"])) == {"needed", "newest"}


def test_prune_keeps_everything_below_the_limit(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs")
    store.add(binary(tmp_path), ["a"])
    assert store.prune([]) == 0


def test_prune_never_drops_what_is_needed_even_above_the_limit(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs", limit=1)
    store.add(binary(tmp_path), ["a", "b"])
    assert store.prune(["b"]) == 0
    assert set(store.find(["a", "b"])) == {"a", "b"}


def test_index_tells_rows_and_hash(tmp_path: Path) -> None:
    store = ProgramStore(tmp_path / "programs")
    store.add(binary(tmp_path), ["a", "b"])
    index = json.loads((only_batch(store) / INDEX).read_bytes())
    assert index["rows"] == {"a": 0, "b": 1}
    assert len(index["program"]) == 64
