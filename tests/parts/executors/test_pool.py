"""The pool: workers that are light, deaf to Ctrl-C, replaced in time, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import executor_tasks
import pytest

from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.pool import PoolExecutor, open_executor
from evolve_ai.model.errors import EvolveError


@pytest.fixture
def pool() -> Iterator[PoolExecutor]:
    pool = PoolExecutor(2)
    yield pool
    pool.close()


def _eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _gone(pid: int) -> bool:
    """A zombie, and all of its threads: the last one closes what they share."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z" and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_work_is_done_by_other_processes(pool: PoolExecutor) -> None:
    pids = set(pool.map(executor_tasks.whoami, range(20)))
    assert len(pids) == 2
    assert os.getpid() not in pids


def test_killed_worker_is_named_and_replaced(pool: PoolExecutor) -> None:
    with pytest.raises(EvolveError, match="SIGKILL"):
        list(pool.map(executor_tasks.die, range(20)))
    assert list(pool.map(executor_tasks.square, range(3))) == [0, 1, 4]


def test_idle_worker_that_was_killed_is_replaced(pool: PoolExecutor) -> None:
    list(pool.map(executor_tasks.whoami, range(4)))
    for pid in pool.pids():
        os.kill(pid, signal.SIGKILL)
        assert _eventually(lambda pid=pid: _gone(pid))
    assert list(pool.map(executor_tasks.square, range(3))) == [0, 1, 4]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_worker_leaves_signals_to_the_parent(pool: PoolExecutor, number: int) -> None:
    assert list(pool.map(executor_tasks.signal_self, [number] * 4)) == [number] * 4


def test_workers_are_replaced_after_their_share() -> None:
    pool = PoolExecutor(1, tasks_per_worker=5)
    pids = list(pool.map(executor_tasks.whoami, range(15)))
    pool.close()
    assert len(set(pids)) == 3


def test_close_leaves_no_worker(pool: PoolExecutor) -> None:
    pids = set(pool.map(executor_tasks.whoami, range(10)))
    pool.close()
    assert all(_gone(pid) for pid in pids)


def test_result_that_cannot_be_pickled_is_an_error_and_no_death(pool: PoolExecutor) -> None:
    with pytest.raises(Exception, match="lambda"):
        list(pool.map(executor_tasks.give_what_cannot_travel, [1]))


def test_two_maps_at_once_are_refused(pool: PoolExecutor) -> None:
    first = pool.map(executor_tasks.square, range(50))
    next(first)
    with pytest.raises(RuntimeError, match="busy"):
        next(pool.map(executor_tasks.square, range(3)))
    assert sum(1 for _ in first) == 49


def test_traceback_of_the_worker_travels_as_a_note(pool: PoolExecutor) -> None:
    with pytest.raises(ValueError) as caught:
        list(pool.map(executor_tasks.refuse_seven, [7]))
    assert "refuse_seven" in "".join(caught.value.__notes__)


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
import click, rich, pydantic, pytest
import executor_tasks
from evolve_ai.executors.pool import PoolExecutor
pool = PoolExecutor(2)
"""


def _script(folder: Path, rest: str) -> subprocess.Popen[str]:
    """A main program of its own, which imports much."""
    path = folder / "main_program.py"
    path.write_text(SCRIPT.format(tests=str(Path(__file__).parents[2] / "executors")) + rest)
    return subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


def test_workers_import_little_and_weigh_little(tmp_path: Path) -> None:
    process = _script(
        tmp_path,
        "print(list(pool.map(executor_tasks.heavy_modules, range(4))))\n"
        "print(max(pool.map(executor_tasks.pss_kib, range(4))))\n"
        "pool.close()\n",
    )
    out, _ = process.communicate(timeout=60)
    modules, pss = out.splitlines()
    assert modules == str([[]] * 4)
    assert int(pss) < 16 * 1024


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_parent(tmp_path: Path, number: int) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    process = _script(
        tmp_path, f"list(pool.map(executor_tasks.touch_and_sleep, [{str(marks)!r}] * 4))\n"
    )
    assert _eventually(lambda: len(list(marks.iterdir())) == 2, 30)
    group = os.getpgid(process.pid)
    process.send_signal(number)
    process.communicate(timeout=20)
    assert all(_eventually(lambda mark=mark: _gone(int(mark.name))) for mark in marks.iterdir())
    assert _eventually(lambda: _group_is_empty(group))


def _group_is_empty(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, owner = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(owner) == group and state != "Z":
            return False
    return True


def test_one_worker_means_this_process() -> None:
    assert isinstance(open_executor(1), InlineExecutor)
    pool = open_executor(3)
    assert pool.workers == 3
    pool.close()
    assert open_executor(0).workers == len(os.sched_getaffinity(0))
