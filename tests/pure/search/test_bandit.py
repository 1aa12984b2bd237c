"""The bandit: operators that bring something are asked more often, none is forgotten."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.search.bandit import EVENLY, Bandit, Credit, reward_of, shared

TELLS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([None, 0.0, 1.0]), st.floats(0.1, 5.0)),
    max_size=60,
)


def shares(bandit: Bandit) -> dict[str, float]:
    return {name: credit.share for name, credit in bandit.credit().items()}


def lived(bandit: Bandit, chances: dict[str, float], times: int, seed: int = 1) -> None:
    rng = random.Random(seed)
    for _ in range(times):
        operator = bandit.ask(rng)
        bandit.tell(operator, float(rng.random() < chances[operator]))


def test_weights_decide_at_first() -> None:
    even = pytest.approx({"a": 0.5, "b": 0.5})
    assert shares(Bandit({"a": 1.0, "b": 1.0})) == even
    found = shares(Bandit({"a": 3.0, "b": 1.0}))
    assert found["a"] == pytest.approx(EVENLY / 2 + (1 - EVENLY) * 3 / 4)
    assert shares(Bandit({"a": 0.0, "b": 0.0})) == even
    assert shares(Bandit({"a": 0.0, "b": 1.0}))["a"] == pytest.approx(EVENLY / 2)


def test_what_improves_more_often_is_asked_more_often_though_both_rarely_do() -> None:
    for seed in range(5):
        bandit = Bandit(dict.fromkeys("abcd", 1.0))
        lived(bandit, {"a": 0.06, "b": 0.01, "c": 0.0, "d": 0.01}, 1500, seed)
        found = shares(bandit)
        assert found["a"] == max(found.values()) > 0.4
        assert found["c"] == min(found.values())


def test_late_phase_is_learned_though_the_early_one_was_another() -> None:
    bandit = Bandit({"a": 1.0, "b": 1.0})
    lived(bandit, {"a": 0.2, "b": 0.0}, 2000)
    assert shares(bandit)["a"] > 0.75
    lived(bandit, {"a": 0.0, "b": 0.2}, 2000, 2)
    assert shares(bandit)["b"] > 0.75


def test_dear_operator_must_improve_more_often() -> None:
    bandit = Bandit({"cheap": 1.0, "dear": 1.0})
    for _ in range(300):
        bandit.tell("cheap", 1.0, 1.0)
        bandit.tell("dear", 1.0, 10.0)
    assert shares(bandit)["cheap"] > 4 * shares(bandit)["dear"]


@given(TELLS)
def test_every_operator_keeps_a_least_share(tells: list[tuple[str, float | None, float]]) -> None:
    bandit = Bandit({"a": 1.0, "b": 2.0, "c": 0.0})
    for told in tells:
        bandit.tell(*told)
    found = shares(bandit)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) >= EVENLY / 3 - 1e-12


@given(TELLS, st.integers(0, 60))
def test_bandit_goes_on_from_its_state(
    tells: list[tuple[str, float | None, float]], cut: int
) -> None:
    first, second = Bandit(dict.fromkeys("abc", 1.0)), Bandit(dict.fromkeys("abc", 1.0))
    for told in tells[:cut]:
        first.tell(*told)
    second.restore(json.loads(json.dumps(first.state())))
    for told in tells[cut:]:
        first.tell(*told)
        second.tell(*told)
    assert first.credit() == second.credit()
    assert [first.ask(random.Random(n)) for n in range(9)] == [
        second.ask(random.Random(n)) for n in range(9)
    ]


def test_credit_counts_tried_scored_and_improved() -> None:
    bandit = Bandit({"a": 1.0})
    for reward in (None, 0.0, 1.0, 1.0):
        bandit.tell("a", reward)
    assert bandit.credit() == {"a": Credit(4, 3, 2, pytest.approx(1.0))}


def test_operators_may_come_and_go_between_runs() -> None:
    before = Bandit({"a": 1.0, "gone": 1.0})
    before.tell("a", 1.0)
    after = Bandit({"a": 1.0, "new": 1.0})
    after.restore(before.state())
    after.tell("gone", 1.0)
    assert after.credit()["a"].tried == 1
    assert after.credit()["new"].tried == 0


def test_no_operators_are_refused() -> None:
    with pytest.raises(ValueError, match="needs operators"):
        Bandit({})


def test_weight_of_a_proposer_is_shared_by_its_operators() -> None:
    assert shared([(2.0, ("x", "y")), (1.0, ("z",))]) == {"x": 1.0, "y": 1.0, "z": 1.0}


def test_reward_is_the_sign_of_the_improvement() -> None:
    assert reward_of(None, (1.0,)) is None
    assert reward_of((1.0,), None) == 1.0
    assert [reward_of((value,), (5.0,)) for value in (4.0, 5.0, 5.001, 9e9)] == [0, 0, 1, 1]
    assert reward_of((2.0, 1.0), (1.0, 1.0)) == 1.0
    assert reward_of((2.0, 0.0), (1.0, 1.0)) == 0.0
