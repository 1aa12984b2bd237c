"""The terminal is no dependency of history: it closes, it is not there at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from project_support import ProjectUnderTest, wait_until
from terminals_support import ended_well, on, terminal


def test_terminal_that_closes_ends_gracefully_in_mid_season(project: ProjectUnderTest) -> None:
    with terminal() as (ours, theirs):
        running = on(project, theirs, "life-cycle", "--set", "cycle.ticks=200")
        os.close(theirs)
        wait_until(project.agent_pids, "agents", 240)
        os.close(ours)
        ended_well(project, running)
    assert project.status()["cycle"] == 1, "the season under way was lived to its end"
    assert project.events("command")[-1]["command"] == "end"


def test_cron_has_no_environment_at_all(project: ProjectUnderTest) -> None:
    """No HOME, no PATH, no TERM, no LANG; an absolute path, and a folder that is not the project's.

    Where cargo is neither in the system's folders nor in the home of the user that is said.
    """
    program = Path(sys.executable).with_name("evolve")
    for cycle in (1, 2):
        done = subprocess.run(
            [program, "life-cycle", "--cycles", "1", "--project", project.root],
            env={}, cwd="/", capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        if done.returncode == 4:
            assert "cargo" in done.stderr
            pytest.skip(f"no toolchain is found without PATH and HOME: {done.stderr.strip()}")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"cycle    {cycle}")
