"""Tests of the program store: nothing torn or altered is ever started."""

import hashlib
import json
import os
import resource
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evolve_ai.model.agent import Cause
from evolve_ai.model.report import Program
from evolve_ai.substrates.rust.plan import Wiring
from evolve_ai.substrates.rust.store import ProgramStore
from evolve_ai.substrates.rust.stored_batch import (
    INDEX,
    PROGRAM,
    STATEMENT,
    Origin,
)
from evolve_ai.substrates.rust.units import Unit
from evolve_ai.system.signing import SIGNATURE, make_key, read_key

LIMIT = 2**30


POLICY = "a policy"


def opened(
    folder: Path, limit: int = LIMIT, *, policy: str = POLICY, tidy: bool = True
) -> ProgramStore:
    return ProgramStore(folder / "programs", limit, folder / "key", policy, tidy=tidy)


def origin(*units: str, policy: str = POLICY) -> Origin:
    files = {unit: [(f"src/genes/{unit}.rs", "0" * 64)] for unit in units}
    return Origin((("kernel", "1" * 64), ("toolchain", "rustc")), files, policy)


def program(file: Path, rows: str, content: bytes = b"program") -> Program:
    return Program(file, (f"genes:{rows}",), hashlib.sha256(content).hexdigest())


def add(store: ProgramStore, units: Sequence[str], content: bytes = b"program") -> Path:
    """A batch of units with one gene each, `<unit>::run`; the path of its binary."""
    file = store.folder.parent / "made"
    file.write_bytes(content)
    store.add(file, [(unit, f"{unit}::run") for unit in units], origin(*units))
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
    assert store.find(wiring("c", "a")) == program(file, "2.0")
    assert store.find(wiring("b", silent=["a"])) == program(file, "1")
    assert store.find(wiring(silent=["a"])) == program(file, "")
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
    store.add(tmp_path / "made", [], origin("a"))
    assert store.find(wiring("a")) is None
    assert store.find(wiring(silent=["a"])) is not None


# What can happen to a batch that is signed. Each gets its folder and that of another batch; and
# what is then said of it.


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.chmod(0o755)
    file.write_bytes(data)


def byte_of_the_binary(batch: Path, other: Path) -> str:
    flip(batch / PROGRAM, 3)
    return "its binary is not the one that was signed"


def empty_binary(batch: Path, other: Path) -> str:
    (batch / PROGRAM).chmod(0o755)
    (batch / PROGRAM).write_bytes(b"")
    return "its binary is not the one that was signed"


def no_binary(batch: Path, other: Path) -> str:
    (batch / PROGRAM).unlink()
    return "it has no program"


def link_for_a_binary(batch: Path, other: Path) -> str:
    (batch / PROGRAM).rename(batch / "elsewhere")
    (batch / PROGRAM).symlink_to("elsewhere")
    return "its program is no regular file"


def binary_of_another_batch(batch: Path, other: Path) -> str:
    (batch / PROGRAM).unlink()
    shutil.copy2(other / PROGRAM, batch / PROGRAM)
    return "its binary is not the one that was signed"


def byte_of_the_index(batch: Path, other: Path) -> str:
    flip(batch / INDEX, (batch / INDEX).read_bytes().index(b"::run"))
    return "its index.json is not the one that was signed"


def index_that_is_torn(batch: Path, other: Path) -> str:
    os.truncate(batch / INDEX, 9)
    return "its index.json is not the one that was signed"


def byte_of_the_statement(batch: Path, other: Path) -> str:
    flip(batch / STATEMENT, (batch / STATEMENT).read_bytes().index(b"passed"))
    return "its statement.json is not the one that was signed"


def statement_that_is_torn(batch: Path, other: Path) -> str:
    os.truncate(batch / STATEMENT, 9)
    return "its statement.json is not the one that was signed"


def byte_of_the_signature(batch: Path, other: Path) -> str:
    flip(batch / SIGNATURE, 5)
    return "its statement.json is not the one that was signed"


def no_signature(batch: Path, other: Path) -> str:
    (batch / SIGNATURE).unlink()
    return "it has no signature"


def statement_of_another_batch(batch: Path, other: Path) -> str:
    shutil.copy2(other / STATEMENT, batch / STATEMENT)
    shutil.copy2(other / SIGNATURE, batch / SIGNATURE)
    return f"it is batch {other.name[:12]}… under another name"


def all_files_of_another_batch(batch: Path, other: Path) -> str:
    shutil.rmtree(batch)
    shutil.copytree(other, batch)
    return f"it is batch {other.name[:12]}… under another name"


def statement_signed_by_another_project(batch: Path, other: Path) -> str:
    key = make_key(batch.parents[1] / "another-key")
    said = json.loads((batch / STATEMENT).read_bytes()) | {"key": key.public}
    (batch / STATEMENT).write_text(json.dumps(said))
    (batch / SIGNATURE).write_bytes(key.sign((batch / STATEMENT).read_bytes()))
    return "it is signed with another key than this project's"


Damage = Callable[[Path, Path], str]
DAMAGES: list[Damage] = [
    byte_of_the_binary,
    empty_binary,
    no_binary,
    link_for_a_binary,
    binary_of_another_batch,
    byte_of_the_index,
    index_that_is_torn,
    byte_of_the_statement,
    statement_that_is_torn,
    byte_of_the_signature,
    no_signature,
    statement_of_another_batch,
    statement_signed_by_another_project,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_altered_batch_is_set_aside_until_it_is_forgiven(damage: Damage, tmp_path: Path) -> None:
    store = opened(tmp_path)
    batch, other = add(store, ["a"]).parent, add(store, ["b"], b"another").parent
    reason = damage(batch, other)
    asked = wiring("a")
    for tidy in (False, True, True):  # also by who only looks, and in the next run
        store = opened(tmp_path, tidy=tidy)
        assert store.find(asked) is None
        fault = store.altered(asked)
        assert fault is not None and fault.cause is Cause.SIGNATURE
        assert reason in fault.reason
        assert batch.exists() is not tidy
    assert store.find(wiring("b")) is not None
    assert store.altered(wiring("b")) is None
    (aside,) = store.folder.glob("broken-*")
    store.forgive([asked])
    for later in (store, opened(tmp_path)):
        assert later.altered(asked) is None
        assert aside.exists()
    assert store.find(wiring("a")) is None
    assert add(store, ["a"]).parent == batch


def test_batch_under_the_name_of_another_is_set_aside(tmp_path: Path) -> None:
    store = opened(tmp_path)
    batch, other = add(store, ["a"]).parent, add(store, ["b"], b"another").parent
    reason = all_files_of_another_batch(batch, other)
    store = opened(tmp_path)
    assert store.find(wiring("a")) is None
    assert store.find(wiring("b")) is not None
    count, (altered,) = store.inspect()
    assert count == 2 and altered.reason == reason


def test_batch_of_another_project_is_never_run(tmp_path: Path) -> None:
    theirs = add(opened(tmp_path / "theirs"), ["a"], b"evil").parent
    store = opened(tmp_path / "ours")
    shutil.copytree(theirs, store.folder / theirs.name)
    store = opened(tmp_path / "ours")
    assert store.find(wiring("a")) is None
    fault = store.altered(wiring("a"))
    assert fault is not None and "another key than this project's" in fault.reason


def test_lost_key_is_made_anew_and_what_it_had_signed_goes(tmp_path: Path) -> None:
    add(opened(tmp_path), ["a"])
    before = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()
    looking = opened(tmp_path, tidy=False)
    assert looking.find(wiring("a")) is None and not (tmp_path / "key").exists()
    store = opened(tmp_path)
    assert (tmp_path / "key").read_bytes() != before
    assert list(store.folder.iterdir()) == []
    assert store.find(wiring("a")) is None and store.altered(wiring("a")) is None


@pytest.mark.parametrize("content", [b'{"format": 3}', b'{"format": 1, "units": []}'])
def test_unsigned_batch_of_an_older_version_is_silently_forgotten(
    content: bytes, tmp_path: Path
) -> None:
    batch = add(opened(tmp_path), ["a"]).parent
    (batch / INDEX).write_bytes(content)
    (batch / SIGNATURE).unlink()
    store = opened(tmp_path)
    assert store.find(wiring("a")) is None and store.altered(wiring("a")) is None
    assert list(store.folder.iterdir()) == []


def test_signed_batch_does_not_pass_for_one_of_an_older_version(tmp_path: Path) -> None:
    batch = add(opened(tmp_path), ["a"]).parent
    (batch / INDEX).write_bytes(b'{"format": 3}')
    assert opened(tmp_path).altered(wiring("a")) is not None


def test_batch_counts_only_under_the_policy_that_its_files_have_passed(tmp_path: Path) -> None:
    batch = add(opened(tmp_path), ["a"]).parent
    store = opened(tmp_path, policy="a stricter one")
    assert store.find(wiring("a")) is None and store.altered(wiring("a")) is None
    assert batch.exists()
    assert opened(tmp_path).find(wiring("a")) is not None


def test_old_batch_put_back_is_what_it_was(tmp_path: Path) -> None:
    """A rollback: the signature holds, so the binary is one that was made of exactly that."""
    old = add(opened(tmp_path), ["a"], b"old").parent
    shutil.copytree(old, tmp_path / "kept")
    add(opened(tmp_path), ["a"], b"new")  # the same units, linked again
    shutil.rmtree(old)
    shutil.copytree(tmp_path / "kept", old)
    assert opened(tmp_path).find(wiring("a")) == program(old / PROGRAM, "0", b"old")


@pytest.mark.parametrize("name", ["0" * 64, ".new-x", ".gone-x", "README"])
def test_link_where_a_batch_was_is_not_followed(name: str, tmp_path: Path) -> None:
    batch = add(opened(tmp_path), ["a"]).parent
    moved = batch.rename(tmp_path / "moved")
    (batch.parent / name).symlink_to(moved)
    store = opened(tmp_path)
    assert store.find(wiring("a")) is None
    assert (moved / PROGRAM).exists()
    assert not (batch.parent / name).exists()


def test_batch_whose_removal_is_cut_short_is_no_altered_one(tmp_path: Path) -> None:
    store = opened(tmp_path, limit=1)
    batch = add(store, ["a"]).parent
    kept = shutil.copytree(batch, tmp_path / "kept")
    store.prune([], [])
    kept.rename(store.folder / f".gone-{batch.name}")
    (store.folder / f".gone-{batch.name}" / PROGRAM).unlink()
    store = opened(tmp_path)
    assert store.altered(wiring("a")) is None
    assert list(store.folder.iterdir()) == []


def test_machine_that_cannot_read_just_now_sets_nothing_aside(tmp_path: Path) -> None:
    batch = add(opened(tmp_path), ["a"]).parent
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    store = opened(tmp_path)
    os.utime(batch / PROGRAM)  # so that it has to be read
    free = os.open("/", os.O_RDONLY)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        found = store.find(wiring("a"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert found is None and store.altered(wiring("a")) is None
    assert store.find(wiring("a")) is not None


def test_altered_program_gives_way_to_an_older_batch_that_is_intact(tmp_path: Path) -> None:
    store = opened(tmp_path)
    old, new = add(store, ["a"]), add(store, ["a", "b"])
    os.utime(old.parent / INDEX, (1000, 1000))
    new.chmod(0o755)
    new.write_bytes(b"altered")
    assert opened(tmp_path).find(wiring("a")) == program(old, "0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 100_000,
        b'{"program": 1}',
        b'{"format": [], "units": {"a": 1}, "genes": 7}',
        b'{"format": 4, "program": "x", "units": 7, "genes": []}',
        b'{"format": 4, "program": "x", "units": [[]], "genes": [["a"]]}',
    ],
)
@pytest.mark.parametrize("name", [INDEX, STATEMENT])
def test_whatever_stands_in_a_batch_is_set_aside_in_order(
    name: str, content: bytes, tmp_path: Path
) -> None:
    file = add(opened(tmp_path), ["a"])
    (file.parent / name).write_bytes(content)
    later = opened(tmp_path)
    assert later.find(wiring("a")) is None
    assert later.altered(wiring("a")) is not None  # the other file tells whose program it was
    assert [path.name for path in later.folder.iterdir()] == [f"broken-{file.parent.name[:16]}-1"]


def test_half_written_batch_is_swept_at_the_start_by_the_holder_only(tmp_path: Path) -> None:
    half = tmp_path / "programs" / ".new-x"
    half.mkdir(parents=True)
    (half / PROGRAM).write_bytes(b"half")
    opened(tmp_path, tidy=False)
    assert half.exists()
    opened(tmp_path)
    assert not half.exists()


def test_read_only_builder_changes_nothing_and_trusts_nothing_altered(tmp_path: Path) -> None:
    nowhere = opened(tmp_path / "nowhere", tidy=False)
    assert nowhere.find(wiring("a")) is None
    assert not nowhere.folder.exists()
    file = add(opened(tmp_path), ["a"])
    file.chmod(0o755)
    file.write_bytes(b"altered")
    read_only_builder = opened(tmp_path, tidy=False)
    assert read_only_builder.find(wiring("a")) is None
    assert file.exists()


def sized(store: ProgramStore, name: str, age: int) -> Path:
    file = add(store, [name], name.encode() * (10_000 // len(name)))
    os.utime(file.parent / INDEX, (1000 + age, 1000 + age))
    return file


def test_prune_drops_the_longest_unused_but_nothing_needed_or_running(tmp_path: Path) -> None:
    store = opened(tmp_path, limit=40_000)
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


def test_statement_tells_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a"])
    said = json.loads((file.parent / STATEMENT).read_bytes())
    key = read_key(tmp_path / "key")
    assert key is not None
    assert said == {
        "batch": file.parent.name,
        "index": hashlib.sha256((file.parent / INDEX).read_bytes()).hexdigest(),
        "program": hashlib.sha256(b"program").hexdigest(),
        "ingredients": [["kernel", "1" * 64], ["toolchain", "rustc"]],
        "units": {"a": [["src/genes/a.rs", "0" * 64]]},
        "policy": POLICY,
        "verdict": "passed",
        "key": key.public,
    }


def test_program_that_lost_its_permission_gets_it_back(tmp_path: Path) -> None:
    file = add(opened(tmp_path), ["a"])
    store = opened(tmp_path)
    assert store.find(wiring("a")) is not None
    file.chmod(0o644)
    assert store.find(wiring("a")) == program(file, "0")
    assert os.access(file, os.X_OK)
