"""What /proc tells of a process, read without psutil."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve_ai.system.proc_stat import folder_of, is_ending


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "of an agent (deleted)"
    place.mkdir()
    return place


@pytest.fixture
def pid(place: Path) -> Iterator[int]:
    """Of a process that stands there, and waits for its input to end."""
    argv = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    with subprocess.Popen(argv, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ran:
        assert ran.stdout
        ran.stdout.readline()
        yield ran.pid
        assert ran.stdin
        ran.stdin.close()


def test_folder_of_a_process_is_told_by_its_name_whatever_that_is(pid: int, place: Path) -> None:
    assert folder_of(pid) == place


def test_folder_that_was_removed_is_told_by_the_name_that_it_had(pid: int, place: Path) -> None:
    place.rmdir()
    assert folder_of(pid) == place


def test_process_that_has_ended_stands_nowhere() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], check=True, capture_output=True
    )
    assert folder_of(int(ran.stdout)) is None


def test_process_is_ending_once_it_exits_and_when_it_is_gone(pid: int) -> None:
    assert not is_ending(pid)
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert is_ending(ended.pid), "a zombie"
    assert is_ending(ended.pid)
