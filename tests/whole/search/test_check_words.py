"""What `evolve check` says of evaluators that are not as they seem."""

from pathlib import Path

from task_support import EVALUATE, PROGRAM, TASK, TaskUnderTest

from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.pipelines.check_task import apart, warnings
from evolve_ai.search.batch import Measured
from evolve_ai.session.search_project import read_task

LONG = "import sys\ndef evaluate(program):\n    raise ValueError('x' * 3000)\n"


def test_score_that_comes_and_goes_is_told_as_such(tmp_path: Path) -> None:
    found = read_task(TaskUnderTest(tmp_path / "task").root)
    score = Measured(Score((-0.0,), {}, {}, {}, {}))
    fault = Measured(Fault(Cause.NO_RESULT, "none"))
    told = " ".join(warnings(found, [fault, score, score, score, fault], []))
    assert "sometimes has a score and sometimes not: it had one in 3 of 5 runs" in told
    assert "has no score in its first run" in told
    assert "may be the least" not in told


def test_failure_is_told_once_and_short(tmp_path: Path) -> None:
    done = TaskUnderTest(tmp_path / "task", LONG).check(code=1)
    assert done.out.count("ValueError: xxx") <= 2  # the warning, and the end of stderr
    assert max(map(len, done.out.splitlines())) < 600
    assert "characters)" in done.out


def test_numbers_that_differ_look_different() -> None:
    assert apart(1790000000.25, 1790000000.5) == ("1790000000.2", "1790000000.5")
    assert apart(1.0, 2.0) == ("1", "2")


def test_block_with_nothing_in_it_is_told(tmp_path: Path) -> None:
    program = PROGRAM.replace("# EVOLVE-BLOCK-END\n", "").replace(
        "# EVOLVE-BLOCK-START\n", "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n"
    )
    told = TaskUnderTest(tmp_path / "task", EVALUATE, TASK, program).check().out
    assert "program.py: nothing is in an EVOLVE-BLOCK, so nothing may change there" in told
