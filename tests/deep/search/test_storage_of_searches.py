"""A search on a full disk or a read-only one: a clear message, nothing lost, the same history."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disks import Mount, fill, put_on, remount
from small_disks import mount as mount
from task_support import EVALUATE, TaskUnderTest
from users import as_ordinary

from evolve_ai.model.errors import EXIT_FAILED, StorageError
from evolve_ai.searches import assemble_search
from evolve_ai.session.search_project import opened_at, read_task

FIRST, COUNT = 5, 40
# A moment in each trial, so that the search still runs when the disk is full.
SLOW = EVALUATE.replace(
    "def evaluate(program):", "def evaluate(program):\n    __import__('time').sleep(0.05)"
)


def evaluated(task: TaskUnderTest) -> str:
    return str(task.improve("--candidates", COUNT, "--json").json["history_digest"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of COUNT candidates."""
    return evaluated(TaskUnderTest(tmp_path_factory.mktemp("undisturbed") / "task", SLOW))


@pytest.fixture
def task(tmp_path: Path, mount: Mount) -> Iterator[TaskUnderTest]:
    """On a disk of its own, with FIRST candidates."""
    task = TaskUnderTest(mount("disk", "16m") / "task", SLOW)
    task.improve("--candidates", FIRST)
    yield task
    assert not list((task.project / "workspace" / "trials").iterdir())


def events(task: TaskUnderTest) -> list[dict[str, object]]:
    lines = (task.project / "logs" / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def fill_while_it_runs(task: TaskUnderTest, disk: Path, *words: object) -> tuple[int, str, Path]:
    """Exit code and error of a search whose disk fills up, and what fills it."""
    process = task.start("--candidates", COUNT, *words)
    end = time.monotonic() + 60
    while len([one for one in events(task) if one["event"] == "candidate"]) < FIRST + 4:
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.01)
    filler = fill(disk)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, err, filler


def goes_on(task: TaskUnderTest, digest: str) -> None:
    """With the same command, to the same history; nothing is told twice."""
    assert evaluated(task) == digest
    told = events(task)
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))
    numbers = [one["number"] for one in told if one["event"] == "candidate"]
    assert numbers == list(range(COUNT + 1))


def test_full_disk_ends_a_search_with_a_word_and_it_goes_on(
    task: TaskUnderTest, undisturbed: str
) -> None:
    code, err, filler = fill_while_it_runs(task, task.root.parent)
    assert code == EXIT_FAILED
    assert "registry.sqlite: the registry refuses: database or disk is full" in err
    assert "free disk space" in err
    assert task.report()["candidates"] >= FIRST
    filler.unlink()
    goes_on(task, undisturbed)


def test_disk_that_is_full_at_the_start_is_named_and_reports_are_given(
    task: TaskUnderTest, undisturbed: str
) -> None:
    filler = fill(task.root.parent)
    err = task.improve("--candidates", COUNT, code=EXIT_FAILED).err
    assert f"{task.project}/workspace/lock: the disk is full" in err
    assert "free some space" in err
    assert task.report()["candidates"] == FIRST
    assert len(task.search("candidates", "--json").json) == FIRST + 1
    task.search("show", 1)
    filler.unlink()
    goes_on(task, undisturbed)


@pytest.fixture
def trials_apart(tmp_path: Path, mount: Mount) -> tuple[TaskUnderTest, Path]:
    """A task whose boxes are made on a disk of their own."""
    task, disk = TaskUnderTest(tmp_path / "task", SLOW), mount("boxes", "16m")
    task.improve("--candidates", FIRST)
    put_on(disk, task.project / "workspace" / "trials")
    return task, disk


def test_scratch_on_a_full_disk_is_charged_to_nobody(
    trials_apart: tuple[TaskUnderTest, Path], undisturbed: str
) -> None:
    task, disk = trials_apart
    code, err, filler = fill_while_it_runs(task, disk, "--unsafe")
    assert code == EXIT_FAILED
    assert re.search(r"a trial of candidate \d+ is run again: \S+/scratch: the disk is full", err)
    assert f"evolve: {task.project}/workspace/trials: the disk is full" in err
    assert "no-result" not in task.report()["failures"]
    filler.unlink()
    goes_on(task, undisturbed)


def test_files_of_trials_on_a_full_disk_are_charged_to_nobody(
    trials_apart: tuple[TaskUnderTest, Path], undisturbed: str
) -> None:
    task, disk = trials_apart
    filler = fill(disk)
    err = task.improve("--candidates", COUNT, code=EXIT_FAILED).err
    assert re.search(r"is run again: \S+/evaluate\.py: the disk is full", err)
    assert f"evolve: {task.project}/workspace/trials: the disk is full" in err
    filler.unlink()
    goes_on(task, undisturbed)


def test_event_log_on_a_full_disk_costs_no_candidate_and_catches_up(
    tmp_path: Path, mount: Mount, undisturbed: str
) -> None:
    task, disk = TaskUnderTest(tmp_path / "task", SLOW), mount("logs", "16m")
    task.improve("--candidates", FIRST)
    put_on(disk, task.project / "logs")
    filler = fill(disk)
    task.improve("--candidates", COUNT)
    assert len(events(task)) < COUNT
    filler.unlink()
    goes_on(task, undisturbed)


def test_read_only_project_is_named_and_can_be_looked_at(
    task: TaskUnderTest, undisturbed: str
) -> None:
    remount(task.root.parent, "ro")
    try:
        err = task.improve("--candidates", COUNT, code=EXIT_FAILED).err
        assert f"{task.project}/workspace/lock: cannot be written: Read-only file system" in err
        assert "keep the search elsewhere: --project DIR" in err
        err = task.search("best", code=EXIT_FAILED).err
        assert "Read-only file system" in err and "--project" not in err
        assert task.report()["candidates"] == FIRST
        assert len(task.search("candidates", "--json").json) == FIRST + 1
        task.search("show", 1)
        assert task.check("--json").json["initial"]["correct"]
    finally:
        remount(task.root.parent, "rw")
    goes_on(task, undisturbed)


def test_read_only_task_is_searched_elsewhere(
    tmp_path: Path, task: TaskUnderTest, undisturbed: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    remount(task.root.parent, "ro")
    try:
        words = ("--candidates", COUNT, "--project", elsewhere, "--json")
        assert task.improve(*words).json["history_digest"] == undisturbed
    finally:
        remount(task.root.parent, "rw")


def test_folder_of_somebody_else_is_named(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    task.root.chmod(0o555)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o711)

    found = read_task(task.root)  # by us: that user cannot read what more must be imported

    def work() -> None:
        opened = opened_at(task.project, found, assemble_search)
        with pytest.raises(StorageError) as told, opened:
            pass
        assert "Permission denied" in str(told.value)
        assert "--project DIR" in str(told.value)

    as_ordinary(work, tmp_path / "said")
    assert not task.project.exists()
