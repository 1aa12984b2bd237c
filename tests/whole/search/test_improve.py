"""`evolve improve` and what belongs to it, as a user types it, with trials in their boxes."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from commands import EVOLVE
from task_support import EVALUATE, PROGRAM, TASK, TaskUnderTest

COUNT = 40


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> TaskUnderTest:
    """A search of COUNT candidates that is over; tests only look at it."""
    task = TaskUnderTest(tmp_path_factory.mktemp("searched") / "task")
    task.improve("--candidates", COUNT)
    return task


def until(found: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "what was waited for has not happened"
        time.sleep(0.05)


def test_improve_tells_each_improvement_and_what_comes_next(tmp_path: Path) -> None:
    done = TaskUnderTest(tmp_path / "task").improve("--candidates", 12)
    lines = done.out.splitlines()
    assert lines[0].startswith("initial program  0.38")
    assert any(line.startswith("candidate ") and " -> " in line for line in lines)
    assert lines[-1].startswith("Next: evolve best --project ")


def test_task_is_not_written(searched: TaskUnderTest) -> None:
    names = {path.name for path in searched.root.iterdir()}
    assert names == {"task.toml", "program.py", "evaluate.py", "evolve_output"}
    assert (searched.root / "program.py").read_text() == PROGRAM


def test_report_is_one_json_object(searched: TaskUnderTest) -> None:
    report = json.loads(searched.improve("--candidates", COUNT, "--json").out)
    assert report["candidates"] == COUNT
    assert report["stopped"] == f"{COUNT} candidates"
    assert report["best"]["score"] < report["initial"]["score"]
    assert set(report["best"]["files"]) == {"program.py"}
    assert report["trials"] <= COUNT + 1
    assert len(report["history_digest"]) == 64


def test_same_seed_is_the_same_history_and_another_is_not(
    tmp_path: Path, searched: TaskUnderTest
) -> None:
    digests = []
    for number, words in enumerate([("--slots", 1), ("--seed", 2)]):
        project = tmp_path / str(number)
        searched.improve("--candidates", COUNT, "--project", project, *words)
        digests.append(_report(searched, project)["history_digest"])
    assert digests[0] == searched.report()["history_digest"] != digests[1]


def _report(task: TaskUnderTest, project: Path) -> dict[str, object]:
    return dict(task.improve("--project", project, "--candidates", COUNT, "--json",
                             *(("--seed", 2) if project.name == "1" else ())).json)  # fmt: skip


def test_killed_run_goes_on_with_the_same_command(tmp_path: Path, searched: TaskUnderTest) -> None:
    task = TaskUnderTest(tmp_path / "task")
    process = task.start("--candidates", COUNT)
    events = task.project / "logs" / "events.jsonl"
    until(lambda: events.exists() and events.read_text().count('"candidate"') > 5)
    process.kill()
    process.communicate()
    task.improve("--candidates", COUNT)
    assert task.report()["history_digest"] == searched.report()["history_digest"]
    told = [json.loads(line) for line in events.read_text().splitlines()]
    assert [one["seq"] for one in told] == list(range(1, len(told) + 1))
    numbers = [one["number"] for one in told if one["event"] == "candidate"]
    assert numbers == list(range(COUNT + 1))


def test_first_signal_ends_the_search_with_a_report(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    process = task.start()
    until(lambda: task.project.exists() and (task.project / "logs/events.jsonl").exists())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "stopped: " in out


def test_stop_pause_and_resume_reach_a_search_that_runs(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    process = task.start()
    try:
        until(lambda: task.project.exists() and (task.project / "logs/events.jsonl").exists())
        task.search("pause")
        until(lambda: task.report()["paused"])
        assert "paused" in task.search("status").out
        task.search("resume")
        until(lambda: not task.report()["paused"])
        task.improve("--candidates", 1, code=75)
        assert "stopped" in task.search("stop").out
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def test_best_is_minified_measured_and_patched(searched: TaskUnderTest, tmp_path: Path) -> None:
    told = searched.search("best", "--json").json
    assert told["best"]["score"] <= searched.report()["best"]["score"]
    assert told["edits"]
    patch = searched.search("best", "--diff").out
    assert patch.startswith("--- a/program.py\n+++ b/program.py\n")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "program.py").write_text(PROGRAM)
    subprocess.run(["patch", "-p1", "-s"], input=patch, cwd=copy, text=True, check=True)
    searched.search("best", "--export", tmp_path / "out")
    assert (copy / "program.py").read_bytes() == (tmp_path / "out/program.py").read_bytes()


def test_best_can_be_applied_once_nobody_changed_the_file(
    tmp_path: Path, searched: TaskUnderTest
) -> None:
    task = TaskUnderTest(tmp_path / "task")
    task.improve("--candidates", 10)
    (task.root / "program.py").write_text("# mine\n")
    assert "has changed since" in task.search("best", "--apply", code=1).err
    (task.root / "program.py").write_text(PROGRAM)
    assert "--project DIR begins one from here" in task.search("best", "--apply").err
    assert (task.root / "program.py").read_text() != PROGRAM


def test_candidates_and_show_tell_of_each(searched: TaskUnderTest) -> None:
    rows = searched.search("candidates", "--json").json
    assert [row["number"] for row in rows] == list(range(COUNT + 1))
    best = min((row for row in rows if row["score"] is not None), key=lambda row: row["score"])
    assert searched.search("candidates", "--best", 1, "--json").json[0]["number"] == best["number"]
    shown = searched.search("show", best["number"], "--json").json
    assert shown["id"] == best["id"]
    assert shown["diff"].startswith("--- a/program.py")
    assert searched.search("show", best["id"][:10]).out.startswith(f"candidate {best['number']}")
    assert "no candidate has an id" in searched.search("show", "zzz", code=2).err


def test_proposed_program_becomes_a_candidate(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    task.improve("--candidates", 3)
    mine = tmp_path / "mine.py"
    mine.write_text(PROGRAM.replace("0.5", "1.0").replace("c = 0.0", "c = 0.7"))
    assert "will evaluate it" in task.search("propose", mine).out
    task.improve("--candidates", 20)
    rows = task.search("candidates", "--json").json
    human = [row for row in rows if row["operators"] == ["human.files"]]
    assert len(human) == 1
    assert human[0]["score"] < 0.01
    mine.write_text("nothing of the block\n")
    assert "EVOLVE-BLOCK" in task.search("propose", mine, code=2).err


def test_check_understands_a_task(searched: TaskUnderTest) -> None:
    told = searched.check("--json").json
    assert told["format"] == "native"
    assert told["language"] == "python"
    assert told["files"] == ["program.py"]
    assert told["initial"]["correct"]
    assert told["noise"]["deterministic"]
    assert told["estimate"]["seconds"] > 0
    assert told["warnings"] == []


def test_damaged_registry_is_brought_back_with_the_same_history(tmp_path: Path) -> None:
    plain, task = TaskUnderTest(tmp_path / "plain"), TaskUnderTest(tmp_path / "task")
    wanted = plain.improve("--candidates", 14, "--json").json["history_digest"]
    task.improve("--candidates", 8)
    registry = task.project / "workspace" / "registry.sqlite"
    assert registry.with_name("registry.backup.sqlite").exists()
    registry.write_bytes(b"nonsense" * 4096)
    done = task.improve("--candidates", 14, "--json")
    assert done.json["history_digest"] == wanted
    assert "the registry was damaged" in done.err
    assert list(registry.parent.glob("registry.corrupt-*.sqlite"))
    lines = (task.project / "logs" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert any(one.get("command") == "restore" or "restore" in str(one) for one in events)
    numbers = [one["seq"] for one in events]
    assert numbers == sorted(set(numbers))


def test_check_estimates_pairs_that_share_the_machine(tmp_path: Path) -> None:
    slow = EVALUATE.replace("def evaluate(program):", "def evaluate(program):\n    sleep(0.2)")
    assert slow != EVALUATE
    settings = TASK.replace("[score]", "repeats = 0\n[score]")
    task = TaskUnderTest(tmp_path / "task", "from time import sleep\n" + slow, settings)
    told = task.check("--json").json["estimate"]
    assert told["seconds_each"] >= 4 * 0.2, "two pairs"
    assert told["seconds"] >= told["candidates"] * 4 * 0.2 / told["slots"]


SUSPICIOUS = {
    "does not move": "def evaluate(program):\n    return {'error': 0.5}\n",
    "may be the least": "def evaluate(program):\n    return {'error': 0}\n",
    "the hour of the day": "import time\ndef evaluate(_):\n    return {'error': time.time()}\n",
    "cannot read": EVALUATE + "\nDATA = '/data/secret/values.csv'\n",
}


@pytest.mark.parametrize("words", SUSPICIOUS)
def test_check_tells_what_is_suspicious(tmp_path: Path, words: str) -> None:
    told = TaskUnderTest(tmp_path / "task", SUSPICIOUS[words]).check("--json").json
    assert any(words in warning for warning in told["warnings"]), told["warnings"]


CAUSES = {
    "crash": "raise RuntimeError('at import')\n",
    "no-result": "def evaluate(program):\n    return None\n",
    "not-a-number": "def evaluate(program):\n    return {'error': float('nan')}\n",
    "timeout": "import time\ndef evaluate(program):\n    time.sleep(60)\n",
    "output": "def evaluate(program):\n    while True: print('x' * 100000)\n",
}


@pytest.mark.parametrize("cause", CAUSES)
def test_initial_program_that_fails_ends_with_its_cause(tmp_path: Path, cause: str) -> None:
    settings = TASK.replace("20", "0.3") if cause == "timeout" else TASK
    task = TaskUnderTest(tmp_path / "task", CAUSES[cause], settings)
    done = task.improve("--candidates", 5, "--json", code=1)
    assert done.json["stopped"].startswith(f"the initial program has no score: {cause}: ")
    assert done.json == task.report()
    assert "ended       the initial program has no score" in task.search("status").out
    assert f"the initial program has no score: {cause}: " in done.err
    assert task.check("--json", code=1).json["initial"]["cause"] == cause


def test_every_candidate_that_failed_is_exit_code_one(tmp_path: Path) -> None:
    evaluate = (
        f"OLD = {PROGRAM!r}\n\ndef evaluate(program):\n"
        "    assert open(program).read() == OLD, 'changed'\n    return {'error': 1.0}\n"
    )
    done = TaskUnderTest(tmp_path / "task", evaluate).improve("--candidates", 6, code=1)
    assert "every candidate failed: 6 crash" in done.err


MISTAKES: dict[str, tuple[str, str, str]] = {
    "there is no task.toml": ("", PROGRAM, ""),
    "program.files: 'other.py' matches no file": (
        TASK.replace('"program.py"', '"other.py"'), PROGRAM, EVALUATE),
    "there is no evaluate.py": (TASK, PROGRAM, ""),
    "did you mean score.maximize?": (TASK.replace("maximize", "maximise"), PROGRAM, EVALUATE),
    "EVOLVE-BLOCK-START without": (
        TASK, PROGRAM.replace("# EVOLVE-BLOCK-END\n", ""), EVALUATE),
    "EVOLVE-BLOCK-START in the block": (
        TASK, PROGRAM.replace("def f", "# EVOLVE-BLOCK-START\ndef f"), EVALUATE),
}  # fmt: skip


@pytest.mark.parametrize("words", MISTAKES)
def test_mistakes_of_a_task_are_named(tmp_path: Path, words: str) -> None:
    settings, program, evaluate = MISTAKES[words]
    task = TaskUnderTest(tmp_path / "task", evaluate, settings, program)
    for name, text in (("task.toml", settings), ("evaluate.py", evaluate)):
        if not text:
            (task.root / name).unlink()
    assert words in task.improve("--candidates", 1, code=2).err
    assert not task.project.exists()


def test_read_only_task_says_where_else_the_project_can_be(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    task = TaskUnderTest(tmp_path / "task")
    task.root.chmod(0o555)
    try:
        assert "--project" in task.improve("--candidates", 1, code=1).err
    finally:
        task.root.chmod(0o755)


def test_patch_has_the_bytes_of_the_program(tmp_path: Path) -> None:
    """Carriage returns, a byte order mark, bytes that are no UTF-8, no line end at the end."""
    task = TaskUnderTest(tmp_path / "task")
    body = f"# coding: latin-1\n{PROGRAM}# \xe9".encode("latin-1").replace(b"\n", b"\r\n")
    program, better = task.root / "program.py", tmp_path / "better.py"
    program.write_bytes(body)
    better.write_bytes(body.replace(b"b = 0.5", b"b = 0.9"))
    task.improve("--candidates", 1)
    task.search("propose", better)
    task.improve("--candidates", 8)
    task.search("best", "--export", tmp_path / "out")
    command = [*EVOLVE, "best", "--diff", "--project", str(task.project)]
    patch = subprocess.run(command, capture_output=True, check=True).stdout
    subprocess.run(["patch", "-p1", "--binary"], input=patch, cwd=task.root, check=True)
    found = program.read_bytes()
    assert found != body and found == (tmp_path / "out/program.py").read_bytes()
