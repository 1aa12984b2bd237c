"""Whole projects in trouble: stopped agents, a clock that jumps, a registry that is held."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from commands import EVOLVE
from project_support import ProjectUnderTest, wait_until

ASLEEP = ("--set", "cycle.sleep=600")
YEAR = 365 * 86400
# What the clock of the wall says, to whom this is preloaded; all other clocks go on as they do.
CLOCK = """
use std::ffi::{c_int, c_long};
#[repr(C)]
pub struct Time { seconds: i64, nanoseconds: i64 }
extern "C" { fn syscall(number: c_long, ...) -> c_long; }
#[no_mangle]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Time) -> c_int {
    let done = syscall(228, clock as c_long, time) as c_int;
    if clock == 0 && done == 0 {
        let text = std::fs::read_to_string(env!("OFFSET")).unwrap_or_default();
        (*time).seconds += text.trim().parse::<i64>().unwrap_or(0);
    }
    done
}
"""


def cycles(project: ProjectUnderTest) -> int:
    return len(project.events("cycle"))


def test_stopped_agent_hangs_and_is_started_again(calm: ProjectUnderTest) -> None:
    calm.set(wall_deadline=1.0)
    running = calm.start("life-cycle", *ASLEEP)
    lived = cycles(calm)
    wait_until(lambda: cycles(calm) > lived, "a cycle")
    victim, pid = next(iter(calm.agent_pids().items()))
    os.kill(pid, signal.SIGSTOP)
    calm.evolve("stop")
    assert running.wait(30) == 0
    assert not psutil.pid_exists(pid), "SIGKILL ends who is stopped"
    reasons = [event["reason"] for event in calm.events("taint")]
    assert any(victim in reason and "memory" in reason for reason in reasons)
    calm.live(2)
    assert calm.events("start", victim) or calm.events("restart", victim)


def test_agent_that_is_stopped_in_a_season_hangs_by_the_clock_and_is_back(
    calm: ProjectUnderTest,
) -> None:
    calm.set(wall_deadline=1.0)
    running = calm.start("life-cycle", "--set", "cycle.ticks=60", "--cycles", "6")
    victim, pid = wait_until(lambda: next(iter(calm.agent_pids().items()), None), "an agent")
    wait_until(lambda: cycles(calm) > 1, "a cycle")
    os.kill(pid, signal.SIGSTOP)
    assert running.wait(100) == 0
    [exit] = [event for event in calm.events("exit") if event["cause"] != "planned"]
    assert (exit["agent"], exit["pid"], exit["cause"]) == (victim, pid, "hang")
    assert "no answer for 1 s" in exit["reason"]
    assert "wall clock" in calm.status()["tainted"]
    calm.live(3)
    assert calm.events("restart", victim)[0]["cause"] == "hang"


@pytest.fixture
def wall_clock(tmp_path: Path) -> tuple[dict[str, str], Callable[[int], object]]:
    """An environment in which the time of day is another, and what sets it, in seconds ahead."""
    if os.uname().machine != "x86_64":
        pytest.skip("the clock is moved by a system call that is known for x86_64 only")
    offset, library = tmp_path / "offset", tmp_path / "libclock.so"
    source = tmp_path / "clock.rs"
    source.write_text(CLOCK)
    words = ["rustc", "--edition=2021", "--crate-type=cdylib", "-O", "-o", library, source]
    subprocess.run(words, check=True, env={**os.environ, "OFFSET": str(offset)}, timeout=120)
    return {**os.environ, "LD_PRELOAD": str(library)}, lambda ahead: offset.write_text(str(ahead))


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_clock_that_is_set_a_year_forward_and_back_changes_nothing(
    calm: ProjectUnderTest,
    copy_of: Callable[..., ProjectUnderTest],
    calm_project: Path,
    wall_clock: tuple[dict[str, str], Callable[[int], object]],
    mode: str,
) -> None:
    env, set_ahead = wall_clock
    words = ("--set", f"mode={mode}", "--set", "cycle.sleep=0.3")
    begun = cycles(calm)
    argv = [*EVOLVE, "life-cycle", *words, "--project", str(calm.root)]
    running = subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True)
    calm.started.append(running)
    for ahead in (0, YEAR, -YEAR, 0):
        set_ahead(ahead)
        lived = cycles(calm)
        wait_until(lambda lived=lived: cycles(calm) > lived + 1, f"cycles at {ahead} s")
    running.terminate()
    _, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    years = {event["ts"][:4] for event in calm.events("cycle")}
    assert len(years) == 3, "the clock was believed only where it is shown"
    assert {event["cause"] for event in calm.events("exit")} == {"planned"}
    assert calm.status()["tainted"] is None
    seqs = [event["seq"] for event in calm.events()]
    assert sorted(seqs) == calm.recorded()
    undisturbed = copy_of(calm_project, "undisturbed")
    undisturbed.live(max(calm.chain()) - begun)
    assert calm.chain() == undisturbed.chain()


def test_registry_that_another_program_holds_costs_no_agent_its_life(
    calm: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], calm_project: Path
) -> None:
    running = calm.start("life-cycle", "--set", "cycle.sleep=0.2")
    lived = cycles(calm)
    wait_until(lambda: cycles(calm) > lived, "a cycle")
    path = calm.root / "workspace" / "registry.sqlite"
    holder = sqlite3.connect(path, isolation_level=None)
    try:
        wait_until(lambda: _held(holder), "the registry to hold")
        _, err = running.communicate(timeout=90)
    finally:
        holder.close()
    assert running.returncode == 1
    assert "locked" in err
    calm.live(1)
    assert calm.status()["tainted"] is None
    assert {event["cause"] for event in calm.events("exit")} == {"planned"}
    undisturbed = copy_of(calm_project, "undisturbed")
    undisturbed.live(max(calm.chain()) - 1)
    assert calm.chain() == undisturbed.chain()


def _held(holder: sqlite3.Connection) -> bool:
    try:
        holder.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def test_journal_and_order_log_that_are_lost_cost_nobody_its_process(
    calm: ProjectUnderTest,
) -> None:
    running = calm.start("life-cycle", *ASLEEP)
    lived = cycles(calm)
    wait_until(lambda: cycles(calm) > lived, "a cycle")
    before = calm.agent_pids()
    for process in (running, *calm.keepers()):
        process.kill()
    running.communicate()
    for name in ("journal", "order_log"):
        (calm.root / "workspace" / "colony" / name).unlink()
    running = calm.start("life-cycle", *ASLEEP)
    wait_until(lambda: cycles(calm) > lived + 1, "a cycle of the next one")
    assert calm.agent_pids() == before
    calm.evolve("stop")
    assert running.wait(30) == 0
    assert not calm.processes()
    assert calm.status()["tainted"] is None
    assert {event["cause"] for event in calm.events("exit")} == {"planned"}
