"""A colony's process that is killed in the middle of a season costs nobody's life."""

import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from colonies_support import COUNT, DEMES, TWO, Copy, colony_pid, founded
from project_support import ProjectUnderTest, wait_until

__all__ = ["founded"]

LONG = 4000  # ticks: longer than a busy machine takes to look at all its processes


@pytest.fixture(scope="module")
def long_history(founded: Path, lasting: Copy) -> dict[int, str]:
    """Two cycles of many ticks."""
    project = lasting(founded, ticks=LONG)
    try:
        project.live(2, *TWO)
        return project.chain()
    finally:
        assert not project.clean_up()


def in_the_second_season(
    project: ProjectUnderTest,
) -> tuple["subprocess.Popen[str]", dict[str, int]]:
    """A life-cycle in the middle of a cycle, and its agents."""
    project.set(ticks=LONG)
    project.live(1, *TWO)
    running = project.start("life-cycle", "--cycles", 1, *TWO)
    wait_until(lambda: turning(project), "a season")
    time.sleep(0.5)
    return running, project.agent_pids()


def turning(project: ProjectUnderTest) -> bool:
    with sqlite3.connect(project.root / "workspace" / "registry.sqlite") as connection:
        row = connection.execute("SELECT turning FROM run_state").fetchone()
    return row is not None and row[0] == 2


def test_killed_colony_process_is_replaced_and_nobody_notices(
    founded: Path, long_history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    running, before = in_the_second_season(project)
    victim = colony_pid(project, 1)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: colony_pid(project, 1) not in (0, victim), "another process")
    living = project.agent_pids()
    assert not project.events("cycle")[1:], "the season was not over"
    assert living == before
    assert running.wait(60) == 0
    assert project.chain() == long_history
    assert project.status()["tainted"] is None


def test_killed_life_cycle_is_taken_over_colony_by_colony(
    founded: Path, long_history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    running, before = in_the_second_season(project)
    pids = [colony_pid(project, number) for number in (0, 1)]
    running.kill()
    running.communicate()
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), "the end of the colonies' processes")
    assert project.agent_pids() == before
    # One colony is asked for, and yet the season goes on where it was broken off.
    project.live(1, *DEMES)
    assert project.chain() == long_history
    assert project.status()["tainted"] is None
    assert not project.processes()


def test_second_signal_ends_all_colonies_at_once(founded: Path, copy_of: Copy) -> None:
    project = copy_of(founded)
    running = project.start("life-cycle", *TWO, "--set", "cycle.ticks=100000")
    wait_until(lambda: len(project.agent_pids()) > COUNT // 2, "agents")
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, err = running.communicate()
    assert time.monotonic() - begun < 10
    assert "Traceback" not in err
    assert not project.processes()
