"""A task that is moved, deleted or edited while a search runs."""

import shutil
from pathlib import Path

import pytest
from project_support import wait_until
from task_support import EVALUATE, TaskUnderTest

SLOW = EVALUATE.replace("import math\n", "import math\nimport time\n").replace(
    "    spec =", "    time.sleep(0.15)\n    spec =", 1
)


def _begun(root: Path) -> TaskUnderTest:
    return TaskUnderTest(root, evaluate=SLOW)


def _has_begun(task: TaskUnderTest) -> bool:
    log = task.project / "logs" / "events.jsonl"
    return log.exists() and log.read_text().count('"candidate"') > 1


@pytest.mark.parametrize("deed", ["moved", "deleted"])
def test_folder_that_goes_ends_the_run_and_charges_nobody(tmp_path: Path, deed: str) -> None:
    task = _begun(tmp_path / "task")
    run = task.start("--candidates", 500, "--slots", 2)
    wait_until(lambda: _has_begun(task), "a candidate")
    if deed == "moved":
        task.root.rename(tmp_path / "moved")
    else:
        shutil.rmtree(task.root)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 4, err
    assert "this folder was moved, deleted or replaced while the search ran" in err
    assert not task.root.exists()
    if deed == "moved":
        moved = TaskUnderTest(tmp_path / "moved", evaluate=SLOW)
        reasons = [one["reason"] or "" for one in moved.search("candidates", "--json").json]
        assert not any("FileNotFound" in reason for reason in reasons)


def test_edited_task_is_told_once_and_taints(tmp_path: Path) -> None:
    task = _begun(tmp_path / "task")
    run = task.start("--candidates", 20, "--slots", 2)
    wait_until(lambda: _has_begun(task), "a candidate")
    (task.root / "evaluate.py").write_text(SLOW + "# another one\n")
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert err.count("evaluate.py of the task was changed while the search ran") == 1
    assert task.report()["tainted"].startswith("evaluate.py of the task was changed")


def test_touched_file_is_no_edit(tmp_path: Path) -> None:
    task = _begun(tmp_path / "task")
    run = task.start("--candidates", 8, "--slots", 2)
    wait_until(lambda: _has_begun(task), "a candidate")
    (task.root / "evaluate.py").touch()
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0, err
    assert "was changed" not in err
    assert task.report()["tainted"] is None
