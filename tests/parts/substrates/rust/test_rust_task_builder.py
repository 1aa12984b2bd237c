"""Programs of a task that is a Cargo project: built together, alone, and again."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from cargo_task_support import CargoTask, executable

from evolve_ai.contracts.program_builder import Built
from evolve_ai.model.errors import TaskError
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.substrates.rust.task_builder import CargoBuilder
from evolve_ai.substrates.rust.task_store import TaskStore
from evolve_ai.system.leftovers import started_by_us

MAIN = """\
mod a;
fn main() {
    println!("{} {:?}", crate::a::value(), std::env::args().skip(1).collect::<Vec<_>>());
    std::process::exit(CODE);
}
"""
VALUE = 'pub fn value() -> &\'static str { roots::told("VALUE") }\n'
LIBRARY = "pub fn told(text: &str) -> &str { text.trim() }\n"


@pytest.fixture
def task(tmp_path: Path) -> CargoTask:
    main = MAIN.replace("CODE", "0")
    return CargoTask(tmp_path, {"src/main.rs": main, "src/a.rs": VALUE, "src/lib.rs": LIBRARY})


def test_programs_that_fail_fail_alone_and_the_others_behave_as_meant(task: CargoTask) -> None:
    programs = [
        task.program(main=MAIN.replace("CODE", "0")),
        task.program(main=MAIN.replace("CODE", "zero")),
        task.program(main=MAIN.replace("CODE", "7")),
        task.program(main=MAIN.replace("CODE", "(7")),
        task.program(main="#![deny(warnings)]\n" + MAIN.replace("CODE", "9")),  # alone
        task.program(main=MAIN.replace("fn main()", "fn other()").replace("CODE", "0")),
    ]
    found = task.builder().build(programs)
    codes = [task.run(one.data, ["x"]).code for one in found if isinstance(one, Built)]
    assert codes == [0, 7, 9]
    assert task.run(executable(found[0]), ["x", "y"]).out == b'VALUE ["x", "y"]\n'
    faults = {n: one for n, one in enumerate(found) if isinstance(one, Fault)}
    assert {one.cause for one in faults.values()} == {Cause.BUILD}
    assert {n: one.reason for n, one in faults.items()} == {
        1: "src/main.rs:4: error[E0425]: cannot find value `zero` in this scope",
        3: faults[3].reason,
        5: faults[5].reason,
    }
    assert faults[3].reason.startswith("src/main.rs:")
    assert "evolve" not in "".join(f"{one.reason}{one.artifacts}" for one in faults.values())
    assert "E0601" in faults[5].reason  # as cargo says it


def test_what_was_built_is_there_for_the_next_run(
    task: CargoTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [task.program(main=MAIN.replace("CODE", str(code))) for code in (1, 2)]
    first = task.builder().build(programs)

    def refuse(*_: object) -> None:
        raise AssertionError("it is compiled again")

    monkeypatch.setattr(CargoBuilder, "_made", refuse)
    assert task.builder().build(programs[::-1]) == first[::-1]


def test_compiler_that_a_killed_run_has_left_is_ended(tmp_path: Path) -> None:
    task = CargoTask(tmp_path, {"src/main.rs": "fn main() {}"})
    folder = tmp_path / "workspace" / "cargo" / "together" / "package"
    env = {**os.environ, **started_by_us(folder)}
    left = subprocess.Popen(["sleep", "1000"], cwd="/", env=env)
    task.builder().prepare()
    assert left.wait(20.0) == -signal.SIGTERM


def test_manifest_may_not_be_what_changes(tmp_path: Path) -> None:
    task = CargoTask(tmp_path, {"src/main.rs": "fn main() {}"}, changing="Cargo.toml")
    with pytest.raises(TaskError, match=r"Cargo\.toml is one of the files that may change"):
        task.builder()


def test_store_forgets_what_is_unused_longest_and_what_is_torn(tmp_path: Path) -> None:
    store = TaskStore(tmp_path, most=1000)
    for name in "abc":
        store.add(name, name.encode() * 250)
        assert store.find(name) == name.encode() * 250
    store.find("a")
    store.add("d", b"d" * 250)
    assert store.find("b") is None and store.find("d") == b"d" * 250
    (tmp_path / "d").write_bytes(b"x" * 282)
    assert TaskStore(tmp_path).find("d") is None
