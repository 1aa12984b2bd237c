"""Several colonies: one history, and a colony's process that is killed costs nobody's life."""

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

CYCLES = 5
LONG = 4000  # ticks: longer than a busy machine takes to look at all its processes


@pytest.fixture(scope="module")
def history(founded: Path, lasting: Copy) -> dict[int, str]:
    """The digests of four demes in one colony."""
    project = lasting(founded)
    try:
        project.live(CYCLES, *DEMES)
        assert (project.root / "workspace" / "colony").is_dir()
        assert project.status()["tainted"] is None
        return project.chain()
    finally:
        assert not project.clean_up()


@pytest.mark.parametrize("colonies", [2, 4])
def test_history_does_not_depend_on_the_number_of_colonies(
    colonies: int, founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(CYCLES, *DEMES, "--set", f"colonies={colonies}")
    assert project.chain() == history
    assert project.status()["tainted"] is None
    found = {path.name for path in (project.root / "workspace").glob("colony*")}
    assert found == {f"colony-{number}" for number in range(colonies)}


def test_number_of_colonies_may_change_between_two_runs(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(2, *DEMES)
    project.live(1, *DEMES, "--set", "colonies=3")
    project.live(CYCLES - 3, *TWO)
    assert project.chain() == history
    assert project.status()["tainted"] is None
    found = {path.name for path in (project.root / "workspace").glob("colony*")}
    assert found == {"colony-0", "colony-1"}


def test_who_lives_in_colonies_of_another_number_goes_home_first(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    running = project.start("life-cycle", *TWO, "--set", "cycle.sleep=600")
    wait_until(lambda: project.events("cycle"), "a cycle")
    time.sleep(0.5)
    running.kill()
    running.communicate()
    assert project.agent_pids()
    project.live(1, *DEMES, "--set", "colonies=4")
    project.live(CYCLES - 2, *DEMES)
    assert project.chain() == history
    assert project.status()["tainted"] is None
    assert [path.name for path in (project.root / "workspace").glob("colony*")] == ["colony"]


def test_demes_are_worlds_of_their_own(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(1)
    assert project.chain()[1] != history[1]


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
        row = connection.execute("SELECT value FROM meta WHERE key = 'turning'").fetchone()
    return row is not None and row[0] == "2"


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
