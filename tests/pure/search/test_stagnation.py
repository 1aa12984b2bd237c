"""Stagnation: when a search is stirred, and how large its steps are then."""

import json

from evolve_ai.search.stagnation import Stagnation


def test_each_limit_without_improvement_stirs_and_doubles_the_step_up_to_eight() -> None:
    stagnation, seen = Stagnation(3), []
    for _ in range(15):
        stirred = stagnation.tell(False)
        seen.append((stirred, stagnation.step))
    quiet = [False, False]
    assert [stirred for stirred, _ in seen] == [*quiet, True] * 5
    assert [step for stirred, step in seen if stirred] == [2.0, 4.0, 8.0, 8.0, 8.0]
    assert seen[1] == (False, 1.0)


def test_improvement_begins_anew() -> None:
    stagnation = Stagnation(2)
    assert [stagnation.tell(improved) for improved in (False, False, True)] == [False, True, False]
    assert (stagnation.step, stagnation.waited) == (1.0, 0)
    assert not stagnation.tell(False)


def test_limit_of_zero_never_stirs() -> None:
    stagnation = Stagnation(0)
    assert not any(stagnation.tell(False) for _ in range(1000))
    assert stagnation.step == 1.0


def test_what_is_said_names_the_candidates_the_answer_and_the_step() -> None:
    stagnation = Stagnation(2)
    stagnation.tell(False)
    stagnation.tell(False)
    said = stagnation.answered("island 2 begins anew from candidate 7")
    assert (
        said
        == stagnation.said
        == (
            "no improvement in 2 candidates: island 2 begins anew from candidate 7; "
            "steps are 2 times as large"
        )
    )
    assert stagnation.answered("") == ("no improvement in 2 candidates: steps are 2 times as large")


def test_it_goes_on_from_its_state() -> None:
    first, second = Stagnation(3), Stagnation(3)
    for _ in range(4):
        first.tell(False)
    first.answered("x")
    second.restore(json.loads(json.dumps(first.state())))
    assert [first.tell(False) for _ in range(9)] == [second.tell(False) for _ in range(9)]
    assert second.state() == first.state()
