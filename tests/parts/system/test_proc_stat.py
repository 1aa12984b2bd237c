"""What /proc tells of a process, read without psutil."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from evolve_ai.system import proc_stat
from evolve_ai.system.proc_stat import Sweep, cpu_nanoseconds, folder_of, is_ending


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


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that works a little for each line that it gets, and answers it."""
    work = "import sys\nfor line in sys.stdin:\n sum(range(10**5)); print(line, flush=True)"
    argv = [sys.executable, "-c", work]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ran:
        yield ran
        ran.kill()


def let_it_work(worker: "subprocess.Popen[bytes]") -> None:
    """Returns once it waits for the next line."""
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(b"1\n")
    worker.stdin.flush()
    worker.stdout.readline()
    worker.stdout.readline()
    while b") S" not in Path(f"/proc/{worker.pid}/stat").read_bytes():
        pass


def test_process_that_has_run_is_read_again_and_one_that_slept_is_not(
    worker: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc_stat, "_SWEEPS_OF_SLEEPERS", 10**9)
    let_it_work(worker)
    sweep = Sweep()
    first = sweep([worker.pid])
    assert sweep.stirred == {worker.pid}
    assert sweep([worker.pid]) == first
    assert not sweep.stirred
    let_it_work(worker)
    sweep([worker.pid])
    assert sweep.stirred == {worker.pid}


def test_process_that_sleeps_is_read_now_and_then(worker: "subprocess.Popen[bytes]") -> None:
    let_it_work(worker)
    sweep = Sweep()
    sweep([worker.pid])
    read = [sweep([worker.pid]).keys() == sweep.stirred for _ in range(64)]
    assert read.count(True) == 2


def test_process_without_a_clock_is_read_each_time(
    worker: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proc_stat, "cpu_nanoseconds", lambda pid: None)
    sweep = Sweep()
    for _ in range(2):
        assert sweep([worker.pid]).keys() == sweep.stirred == {worker.pid}


def test_process_that_is_gone_has_used_nothing() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert cpu_nanoseconds(ended.pid) is None
    assert Sweep()([ended.pid]) == {}
