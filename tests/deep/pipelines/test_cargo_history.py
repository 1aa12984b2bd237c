"""A search over a Cargo project: one history however programs are grouped, and after kills."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from task_support import EVALUATE, TaskUnderTest

TASK = """\
[program]
files = ["src/main.rs"]
[evaluate]
command = ["sh", "evaluate.sh", "{binary}", "{result}"]
build = "cargo"
[score]
goal = "value"
[limits]
seconds = 20
"""
SCRIPT = """\
value=$("$1") || exit 1
echo "{\\"value\\": $value}" > "$2"
"""
MAIN = """\
fn value() -> f64 {
    // EVOLVE-BLOCK-START
    let half = 0.5;
    let mut sum = 1.0;
    if half > 0.25 { sum += half * 2.0; }
    sum
    // EVOLVE-BLOCK-END
}
fn main() {
    println!("{:.6}", value());
}
"""
MANIFEST = '[package]\nname = "roots"\nversion = "0.1.0"\nedition = "2021"\n'
CANDIDATES = 48
PATIENCE = 120.0  # seconds

pytestmark = [
    pytest.mark.usefixtures("keeper_in_cache"),
    pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo"),
]


def task_in(root: Path) -> TaskUnderTest:
    task = TaskUnderTest(root, EVALUATE, TASK)
    (root / "program.py").unlink()
    (root / "evaluate.sh").write_text(SCRIPT)
    (root / "src").mkdir()
    (root / "src" / "main.rs").write_text(MAIN)
    (root / "Cargo.toml").write_text(MANIFEST)
    return task


def test_history_does_not_depend_on_what_was_compiled_together(tmp_path: Path) -> None:
    digests = set()
    for together in (32, 3, 1):
        task = task_in(tmp_path / str(together))
        task.improve("--candidates", CANDIDATES, "--set", f"evaluate.together={together}")
        told = task.report()
        assert told["failures"].get("build", 0) > 0, "no candidate failed to compile"
        digests.add(told["history_digest"])
    assert len(digests) == 1


def test_run_that_is_killed_while_it_compiles_goes_on_with_the_same_history(tmp_path: Path) -> None:
    whole = task_in(tmp_path / "whole")
    whole.improve("--candidates", CANDIDATES)
    task = task_in(tmp_path / "killed")
    for _ in range(3):
        process = task.start("--candidates", CANDIDATES)
        wait_for_a_compiler(task, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    task.improve("--candidates", CANDIDATES)
    assert task.report()["history_digest"] == whole.report()["history_digest"]


def wait_for_a_compiler(task: TaskUnderTest, process: "subprocess.Popen[str]") -> None:
    scratch = task.project / "workspace" / "cargo" / "target" / "scratch"
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        if scratch.is_dir() and any(scratch.iterdir()):
            return
        time.sleep(0.01)
