"""A search as a whole, with a function as its evaluator: history, resuming, records."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from search_support import PROGRAM, Searched, SearchUnderTest, first_number, fit

from evolve_ai.model.errors import HeldError, MachineError, NoScoreError, UsageError
from evolve_ai.model.trial import Cause
from evolve_ai.pipelines.improve import Improver
from evolve_ai.search.commit import Step
from evolve_ai.search.search import Human

COUNT = 40


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return SearchUnderTest(tmp_path_factory.mktemp("undisturbed")).run(COUNT)


def test_search_improves_its_program(undisturbed: Searched) -> None:
    scores = [step.candidate.score.value for step in undisturbed.steps if step.improved]  # type: ignore[union-attr]
    assert scores == sorted(scores)
    assert len(scores) > 2
    assert undisturbed.reason == f"{COUNT} candidates"


@pytest.mark.parametrize("slots", [1, 4])
def test_history_does_not_depend_on_slots(
    tmp_path: Path, undisturbed: Searched, slots: int
) -> None:
    assert SearchUnderTest(tmp_path).run(COUNT, slots).digest == undisturbed.digest


def test_another_seed_is_another_history(tmp_path: Path, undisturbed: Searched) -> None:
    assert SearchUnderTest(tmp_path, search={"seed": 2}).run(COUNT).digest != undisturbed.digest


def test_search_that_was_ended_goes_on_as_if_it_had_not(
    tmp_path: Path, undisturbed: Searched
) -> None:
    search = SearchUnderTest(tmp_path)

    def stop(improver: Improver, step: Step) -> None:
        if step.candidate.number in (7, 20, 30):
            improver.stop()

    runs = [search.run(COUNT, watch=stop) for _ in range(4)]
    assert [run.reason for run in runs] == ["stopped", "stopped", "stopped", f"{COUNT} candidates"]
    assert runs[-1].digest == undisturbed.digest
    numbers = [step.candidate.number for run in runs for step in run.steps]
    assert numbers == list(range(COUNT + 1))


def test_more_candidates_continue_the_same_history(tmp_path: Path, undisturbed: Searched) -> None:
    search = SearchUnderTest(tmp_path)
    for count in (10, 11, 25, COUNT):
        last = search.run(count)
    assert last.digest == undisturbed.digest
    assert last.evaluated == undisturbed.evaluated


def test_snapshot_stands_for_what_came_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Searched
) -> None:
    monkeypatch.setattr("evolve_ai.search.search.SNAPSHOT_EVERY", 5)
    search = SearchUnderTest(tmp_path)
    search.run(33)
    with search.reader() as registry:
        found = registry.snapshot(33 - 8)
    assert found is not None
    assert found[0] == 25
    assert search.run(COUNT).digest == undisturbed.digest


@pytest.mark.parametrize("kill_at", [0, 1, 19])
def test_search_that_was_killed_goes_on_without_loss(
    tmp_path: Path, undisturbed: Searched, kill_at: int
) -> None:
    """In a process of its own, which kills itself in the middle of a commit's consequences."""
    search = SearchUnderTest(tmp_path)

    def kill(improver: Improver, step: Step) -> None:
        if step.candidate.number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    pid = os.fork()
    if pid == 0:
        search.run(COUNT, watch=kill)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    with search.reader() as registry:
        before = registry.count_trials()
    again = once_free(search)
    assert again.digest == undisturbed.digest
    assert again.evaluated == undisturbed.evaluated
    assert before >= kill_at // 4


def once_free(search: SearchUnderTest) -> Searched:
    """Trials that were forked in the moment of the kill hold the project for another moment."""
    for _ in range(500):
        with suppress(HeldError):
            return search.run(COUNT)
        time.sleep(0.01)
    return search.run(COUNT)


def test_recorded_trial_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    runs.write_bytes(b"")

    def counted(path: str) -> float:
        with runs.open("ab") as file:
            file.write(b".")
        return fit(path)

    search = SearchUnderTest(tmp_path / "search", counted)
    search.run(20, slots=1)
    first = len(runs.read_bytes())
    again = search.run(20)
    assert len(runs.read_bytes()) == first
    assert again.steps == []


def test_known_program_is_not_evaluated_again(tmp_path: Path) -> None:
    search = SearchUnderTest(tmp_path, first_number, {"program.py": b"x = 1.0\n"})
    told = [b"x = 2.0\n", b"x = 1.0\n", b"x = 2.0\n"]

    def propose(improver: Improver) -> None:
        improver.search.humans += [Human({"program.py": one}, "") for one in told]

    found = search.run(3, before=propose)
    assert found.evaluated == 2
    *_, last = found.steps
    assert last.candidate.reused == 1
    reused = [last.candidate]
    with search.reader() as registry:
        for one in reused:
            earlier = registry.candidate(one.reused or 0).candidate
            assert earlier.genome == one.genome
            assert (earlier.score, earlier.fault) == (one.score, one.fault)


def test_failures_have_causes_and_no_score(tmp_path: Path) -> None:
    def evaluate(path: str) -> Any:
        text = Path(path).read_bytes()
        if text == PROGRAM:
            return 1.0
        return [None, float("nan"), {"score": "1.5"}, {"score": [1]}, {"other": 1.0}][len(text) % 5]

    found = SearchUnderTest(tmp_path, evaluate).run(30)
    failed = [step.candidate for step in found.steps if step.candidate.number]
    assert all(one.score is None for one in failed)
    causes = {one.fault.cause for one in failed if one.fault}
    assert causes <= {Cause.NO_RESULT, Cause.NOT_A_NUMBER}
    assert len(causes) == 2


def test_initial_program_without_a_score_ends_the_run_and_is_tried_again(tmp_path: Path) -> None:
    def crash(path: str) -> float:
        raise ValueError("nothing works")

    with pytest.raises(NoScoreError, match="crash: ValueError: nothing works"):
        SearchUnderTest(tmp_path, crash).run(5)
    mended = SearchUnderTest(tmp_path, fit)
    assert mended.run(5).reason == "5 candidates"


def test_changed_task_is_refused(tmp_path: Path) -> None:
    SearchUnderTest(tmp_path).run(3)
    for settings, words in (
        ({"score": {"maximize": False}}, "the evaluator"),
        ({"archive": {"name": "islands"}}, "archive"),
        ({"search": {"window": 4}}, "search.window"),
    ):
        with pytest.raises(UsageError, match=words):
            SearchUnderTest(tmp_path, **settings).run(3)
    with pytest.raises(UsageError, match="the initial program"):
        SearchUnderTest(tmp_path, program={"program.py": PROGRAM + b"\n"}).run(3)


def test_two_runs_on_one_project_are_refused(tmp_path: Path) -> None:
    search = SearchUnderTest(tmp_path)

    def second(improver: Improver) -> None:
        with pytest.raises(HeldError):
            SearchUnderTest(tmp_path).run(1)

    search.run(1, before=second)


def test_slow_evaluator_is_a_timeout_and_taints(tmp_path: Path) -> None:
    def evaluate(path: str) -> float:
        while Path(path).read_bytes() != PROGRAM:
            signal.pause()
        return 1.0

    search = SearchUnderTest(tmp_path, evaluate, limits={"seconds": 0.2})
    found = search.run(2)
    assert found.steps[1].candidate.fault is not None
    assert found.steps[1].candidate.fault.cause is Cause.TIMEOUT
    with search.reader() as registry:
        assert "wall-clock" in (registry.state.tainted or "")


def test_stage_that_is_not_reached_ends_the_evaluation(tmp_path: Path) -> None:
    def evaluate(path: str, stage: str) -> float:
        return fit(path) if stage == "full" else -100.0 * (Path(path).read_bytes() != PROGRAM)

    found = SearchUnderTest(
        tmp_path, evaluate, evaluation={"stages": ["quick", "full"], "thresholds": [-1.0]}
    ).run(5)
    faults = [step.candidate.fault for step in found.steps[1:]]
    assert all(fault is not None and fault.cause is Cause.THRESHOLD for fault in faults)
    assert found.evaluated == 2 + 5


def test_seeds_are_means(tmp_path: Path) -> None:
    def evaluate(path: str, seed: int) -> float:
        return float(seed)

    found = SearchUnderTest(tmp_path, evaluate, evaluation={"seeds": [1, 2, 6]}).run(1)
    score = found.steps[0].candidate.score
    assert score is not None
    assert score.value == 3.0
    assert found.evaluated == 6


def test_several_files_are_one_genome(tmp_path: Path) -> None:
    program = {"one.py": b"a = 1.0\n", "two.js": b"const b = 1.0;\n"}

    def evaluate(path: str) -> float:
        there = Path(path).parent
        return sum(first_number(str(there / name)) for name in program)

    found = SearchUnderTest(tmp_path, evaluate, program).run(80)
    champion = [step.candidate for step in found.steps if step.improved][-1]
    assert set(champion.genome) == set(program)
    initial = found.steps[0].candidate.genome
    assert all(champion.genome[path] != initial[path] for path in program)


def test_as_ready_taints(tmp_path: Path) -> None:
    search = SearchUnderTest(tmp_path, search={"order": "as-ready"})
    found = search.run(20)
    assert sorted(step.candidate.number for step in found.steps) == list(range(21))
    with search.reader() as registry:
        assert "as-ready" in (registry.state.tainted or "")


def test_stagnation_is_told_and_answered(tmp_path: Path) -> None:
    found = SearchUnderTest(tmp_path, lambda path: 1.0, search={"stagnation": 10, "window": 2}).run(
        25
    )
    told = [(step.candidate.number, step.notes) for step in found.steps if step.notes]
    assert [number for number, _ in told] == [10, 20]
    assert "no improvement in 10 candidates" in told[0][1][0]


def test_machine_that_fails_again_and_again_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = SearchUnderTest(tmp_path)
    search.run(3)

    def no_process(*_: object) -> None:
        raise MachineError("no process can be started")

    monkeypatch.setattr("evolve_ai.runners.function.FunctionRunner._start", no_process)
    with pytest.raises(MachineError):
        search.run(6)
    monkeypatch.undo()
    assert search.run(6).reason == "6 candidates"
