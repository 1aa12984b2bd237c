"""`evolve improve` of a Cargo project: compiled before it is evaluated, many together."""

import shutil
from pathlib import Path

import pytest
from task_support import TaskUnderTest

TASK = """\
[program]
files = ["src/main.rs"]
[evaluate]
python = "evaluate.py:evaluate"
build = "cargo"
[score]
goal = "error"
maximize = false
[limits]
seconds = 20
"""
EVALUATE = """\
import os
import subprocess


def evaluate(program, binary):
    box = os.environ.get("EVOLVE_RUN")
    command = [box, "--", binary] if box else [binary]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    if done.returncode:
        return {"evolve_fault": "crash", "reason": done.stderr[:200]}
    return {"error": abs(float(done.stdout) - 3.5)}
"""
MAIN = """\
fn value() -> f64 {
    // EVOLVE-BLOCK-START
    let half = 0.5;
    let sum = 1.0 + half * 2.0;
    sum
    // EVOLVE-BLOCK-END
}
fn main() {
    println!("{}", value());
}
"""
MANIFEST = """\
[package]
name = "roots"
version = "0.1.0"
edition = "2021"
[profile.release]
opt-level = 0
"""

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo")


def cargo_task(root: Path, manifest: str = MANIFEST) -> TaskUnderTest:
    task = TaskUnderTest(root, EVALUATE, TASK)
    (root / "program.py").unlink()
    (root / "src").mkdir()
    (root / "src" / "main.rs").write_text(MAIN)
    (root / "Cargo.toml").write_text(manifest)
    return task


def test_cargo_project_is_improved_and_goes_on(tmp_path: Path) -> None:
    task = cargo_task(tmp_path)
    task.improve("--candidates", 8, "--slots", 1)
    first = task.report()
    assert first["best"]["score"] < first["initial"]["score"] == 1.5
    task.improve("--candidates", 16)
    told = task.report()
    assert told["candidates"] == 16
    assert not (tmp_path / "target").exists()
    whole = cargo_task(tmp_path / "other")
    whole.improve("--candidates", 16, "--slots", 2)
    assert whole.report()["history_digest"] == told["history_digest"]
    best = task.search("best", "--diff")
    assert "-    let half = 0.5;" in best.out or "-    let sum" in best.out


def test_crate_that_is_not_allowed_is_refused_in_a_sentence(tmp_path: Path) -> None:
    task = cargo_task(tmp_path, f'{MANIFEST}[dependencies]\nlibm = "0.2.16"\n')
    told = task.check(code=2)
    assert "the crate libm is not among those that are allowed" in told.err
    assert 'write below [crates] of task.toml: libm = "0.2.16"' in told.err
