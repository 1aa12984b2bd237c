"""Evaluators of other kinds, as a user types it: commands, pairs, a holdout, the Python API."""

import json
from pathlib import Path

import pytest
from task_support import EVALUATE, PROGRAM, TASK, TaskUnderTest

import evolve_ai
from evolve_ai.model.errors import NoScoreError, SettingsError, UsageError

COMMAND = """\
import json
import sys
sys.path.insert(0, ".")
from score import evaluate
json.dump(evaluate(sys.argv[1]), open(sys.argv[2], "w"))
"""
HOLDOUT = '[holdout]\npython = "examine.py:evaluate"\nfiles = ["held_out.txt"]\n'
SEEN = """\
import os
assert not os.path.exists("examine.py")
assert not os.path.exists("held_out.txt")
"""


def test_command_scores_as_a_function_does(tmp_path: Path) -> None:
    command = '["{python}", "evaluate.py", "{program}", "{result}"]'
    settings = TASK.replace('python = "evaluate.py:evaluate"', f"command = {command}")
    task = TaskUnderTest(tmp_path / "command", COMMAND, settings)
    (task.root / "score.py").write_text(EVALUATE)
    other = TaskUnderTest(tmp_path / "function")
    digests = [json.loads(one.improve("--candidates", 6, "--json").out) for one in (task, other)]
    assert digests[0]["history_digest"] == digests[1]["history_digest"]


def test_holdout_is_never_seen_by_the_search(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task", SEEN + EVALUATE, TASK + HOLDOUT)
    examine = "assert open('held_out.txt').read() == '7'\n" + EVALUATE.replace(
        "range(11)", "range(5)"
    )
    (task.root / "examine.py").write_text(examine)
    (task.root / "held_out.txt").write_text("7")
    task.improve("--candidates", 8)
    told = task.search("best", "--json").json
    first, last = told["holdout"]["initial"], told["holdout"]["best"]
    assert 0 < first < told["initial"]["score"]
    assert last != told["best"]["score"]


def test_pairs_make_no_champion_of_luck(tmp_path: Path) -> None:
    noisy = "import random\n\ndef evaluate(program):\n    return {'error': random.gauss(10, 3)}\n"
    settings = TASK.replace("[score]", "repeats = 0\nmost_repeats = 6\n[score]")
    report = (
        TaskUnderTest(tmp_path / "task", noisy, settings).improve("--candidates", 10, "--json").json
    )
    improved = report["initial"]["score"] - report["best"]["score"]
    assert report["trials"] > 10 * 3
    assert improved < 9, "three deviations"


def test_api_improves_and_tells_its_history() -> None:
    def evaluate(path: str) -> dict[str, float]:
        names: dict[str, object] = {}
        exec(Path(path).read_text(), names)
        return {"score": -abs(float(names["x"]) - 3.0)}  # type: ignore[arg-type]

    seen: list[int] = []
    result = evolve_ai.improve(
        "x = 1.0\n# a line\n",
        evaluate,
        candidates=30,
        slots=1,
        progress=lambda one: seen.append(one.number),
    )
    assert result.best.score is not None
    assert result.initial.score == -2.0 < result.best.score
    assert seen == result.history["number"] == list(range(31))
    assert {len(column) for column in result.history.values()} == {31}
    assert "x = " in result.code


def test_api_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="limit"):
        evolve_ai.improve("x = 1\n", lambda path: 1.0)
    with pytest.raises(UsageError, match="cannot be read"):
        evolve_ai.improve(tmp_path / "missing.py", lambda path: 1.0, candidates=1)
    with pytest.raises(SettingsError, match=r"limits\.second is unknown"):
        evolve_ai.improve("x = 1\n", lambda path: 1.0, candidates=1, limits={"second": 1})
    with pytest.raises(NoScoreError, match="no-result"):
        evolve_ai.improve("x = 1\n", lambda path: None, candidates=1)


def test_api_goes_on_in_a_project_of_its_own(tmp_path: Path) -> None:
    def size(path: str) -> float:
        return float(len(Path(path).read_bytes()))

    for count in (3, 6):
        found = evolve_ai.improve(
            "x = 1.0\n", size, candidates=count, project=tmp_path, proposers=[{"name": "syntax"}]
        )
        assert found.candidates == count


def test_program_of_ten_thousand_bytes_and_odd_characters_stays_as_it_is(tmp_path: Path) -> None:
    odd = "\ufeff# é\r\n" + "# x\r\n" * 2000 + PROGRAM.replace("\n", "\r\n") + "# \udcff"
    task = TaskUnderTest(tmp_path / "task", program="")
    data = odd.encode("utf-8", "surrogateescape")
    (task.root / "program.py").write_bytes(data)
    (task.root / "evaluate.py").write_text(
        "def evaluate(p):\n    return {'error': -len(open(p, 'rb').read())}\n"
    )
    task.improve("--candidates", 10)
    task.search("best", "--export", tmp_path / "out")
    made = (tmp_path / "out" / "program.py").read_bytes()
    head, tail = data.index(b"def f"), data.index(b"# EVOLVE-BLOCK-END")
    assert made[:head] == data[:head]
    assert made.endswith(data[tail:])
    assert made != data
