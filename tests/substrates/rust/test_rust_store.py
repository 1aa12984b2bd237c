"""Tests of the program store: nothing torn or altered is ever started."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from evolve_ai.model.report import Program
from evolve_ai.substrates.rust.plan import Wiring
from evolve_ai.substrates.rust.store import INDEX, PROGRAM, ProgramStore
from evolve_ai.substrates.rust.units import Unit

LIMIT = 2**30


def opened(folder: Path, limit: int = LIMIT) -> ProgramStore:
    return ProgramStore(folder / "programs", limit)


def add(store: ProgramStore, units: Sequence[str], content: bytes = b"program") -> Path:
    """A batch of units with one gene each, `<unit>::run`; the path of its binary."""
    file = store.folder.parent / "made"
    file.write_bytes(content)
    store.add(file, units, [(unit, f"{unit}::run") for unit in units])
    found = store.find(wiring(*units))
    assert found is not None
    return found.file


def wiring(*units: str, silent: Sequence[str] = ()) -> Wiring:
    """A wiring that calls the gene of these units, and has others active but uncalled."""
    every = [*units, *silent]
    made = {one: Unit(one, ((one, "0" * 64),), (), frozenset({one})) for one in every}
    calls = tuple(f"{unit}::run" for unit in units)
    files = tuple((f"src/genes/{unit}.rs", "0" * 64) for unit in every)
    return Wiring("+".join(every), calls, files, made, frozenset(every))


def test_wiring_runs_from_any_batch_with_its_units_in_its_order(tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a", "b", "c"])
    store = opened(tmp_path)
    assert store.find(wiring("c", "a")) == Program(file, ("genes:2.0",))
    assert store.find(wiring("b", silent=["a"])) == Program(file, ("genes:1",))
    assert store.find(wiring(silent=["a"])) == Program(file, ("genes:",))
    assert store.find(wiring("a", "d")) is None
    assert store.find(wiring("a", silent=["d"])) is None
    assert file.read_bytes() == b"program"
    assert os.access(file, os.X_OK)


def test_units_of_two_batches_make_no_program(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, ["a"])
    add(store, ["b"])
    assert store.find(wiring("a", "b")) is None


def test_unit_without_the_gene_that_is_called_makes_no_program(tmp_path: Path) -> None:
    store = opened(tmp_path)
    (tmp_path / "made").write_bytes(b"program")
    store.add(tmp_path / "made", ["a"], [])
    assert store.find(wiring("a")) is None
    assert store.find(wiring(silent=["a"])) is not None


@pytest.mark.parametrize("content", [b"", b"prog", b"programme", b"Program"])
def test_altered_program_is_dropped(content: bytes, tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a"])
    file.chmod(0o755)
    file.write_bytes(content)
    later = opened(tmp_path)
    assert later.find(wiring("a")) is None
    assert list(later.folder.iterdir()) == []


def test_altered_program_gives_way_to_an_older_batch_that_is_intact(tmp_path: Path) -> None:
    store = opened(tmp_path)
    old, new = add(store, ["a"]), add(store, ["a", "b"])
    os.utime(old.parent / INDEX, (1000, 1000))
    new.chmod(0o755)
    new.write_bytes(b"altered")
    assert opened(tmp_path).find(wiring("a")) == Program(old, ("genes:0",))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"program": 1}',
        b'{"format": 3, "program": "x", "units": 7, "genes": []}',
        b'{"format": 3, "program": "x", "units": [], "genes": [["a"]]}',
        b'{"program": "x", "rows": {"a": 0}}',
    ],
)
def test_torn_index_is_dropped(content: bytes, tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a"])
    (file.parent / INDEX).write_bytes(content)
    later = opened(tmp_path)
    assert later.find(wiring("a")) is None
    assert list(later.folder.iterdir()) == []


def test_half_written_batch_is_swept_at_the_start_by_the_holder_only(tmp_path: Path) -> None:
    half = tmp_path / "programs" / ".new-x"
    half.mkdir(parents=True)
    (half / PROGRAM).write_bytes(b"half")
    ProgramStore(tmp_path / "programs", LIMIT, tidy=False)
    assert half.exists()
    opened(tmp_path)
    assert not half.exists()


def test_onlooker_changes_nothing_and_trusts_nothing_altered(tmp_path: Path) -> None:
    nowhere = ProgramStore(tmp_path / "nowhere", LIMIT, tidy=False)
    assert nowhere.find(wiring("a")) is None
    assert not nowhere.folder.exists()
    file = add(opened(tmp_path), ["a"])
    file.chmod(0o755)
    file.write_bytes(b"altered")
    onlooker = ProgramStore(tmp_path / "programs", LIMIT, tidy=False)
    assert onlooker.find(wiring("a")) is None
    assert file.exists()


def sized(store: ProgramStore, name: str, age: int) -> Path:
    file = add(store, [name], name.encode() * (1000 // len(name)))
    os.utime(file.parent / INDEX, (1000 + age, 1000 + age))
    return file


def test_prune_drops_the_longest_unused_but_nothing_needed_or_running(tmp_path: Path) -> None:
    store = opened(tmp_path, limit=4500)
    names = ["running", "oldest", "needed", "older", "newest"]
    files = {name: sized(store, name, age) for age, name in enumerate(names)}
    assert store.prune([wiring("needed"), wiring("unknown")], [files["running"]]) == 2
    left = {name for name in names if store.find(wiring(name))}
    assert left == {"running", "needed", "newest"}


def test_prune_keeps_everything_below_the_limit(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, ["a"])
    assert store.prune([], []) == 0


def test_prune_never_drops_what_is_needed_even_above_the_limit(tmp_path: Path) -> None:
    store = opened(tmp_path, limit=1)
    add(store, ["a", "b"])
    assert store.prune([wiring("b")], []) == 0
    assert store.find(wiring("a", "b")) is not None


def test_index_tells_units_rows_and_hash(tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a", "b"])
    index = json.loads((file.parent / INDEX).read_bytes())
    assert index["units"] == ["a", "b"]
    assert index["genes"] == [["a", "a::run"], ["b", "b::run"]]
    assert len(index["program"]) == 64


def test_program_that_lost_its_permission_gets_it_back(tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a"])
    store = opened(tmp_path)
    assert store.find(wiring("a")) is not None
    file.chmod(0o644)
    assert store.find(wiring("a")) == Program(file, ("genes:0",))
    assert os.access(file, os.X_OK)
