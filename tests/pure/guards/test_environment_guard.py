"""Worlds of the user's own: what they return is checked, and named when it makes no sense."""

import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2] / "environments"))
from environment_support import live_tick, resident, series, settle, solitary

from evolve_ai.contracts.environment import Environment
from evolve_ai.guards.environment import GuardedEnvironment, guarded_world
from evolve_ai.model.errors import PluginError
from evolve_ai.model.told import Told
from evolve_ai.model.world import Account, Act, Percept, Season
from evolve_ai.system.guard import Guard

GUARD = Guard("environment", "mine:World", 30.0, Path("/nowhere"))
ONE = "agent-0"


class Wrong:
    """A world whose answers are changed before they come back."""

    name = "wrong"
    phases: Any = 1

    def __init__(self, change: Callable[[str, Any], Any]):
        self._inner = solitary()
        self._change = change

    def __getattr__(self, verb: str) -> Any:
        function = getattr(self._inner, verb)
        return lambda *arguments: self._change(verb, function(*arguments))


def lived(world: Any) -> Season:
    environment: Environment = GuardedEnvironment(GUARD, world)
    settle(environment, resident(0), resident(1))
    live_tick(environment, {ONE: Act((1.0,), fitness=0.5)})
    return environment.close()


def with_account(**changes: Any) -> Callable[[str, Any], Any]:
    def change(verb: str, answer: Any) -> Any:
        if verb != "close":
            return answer
        account = replace(answer.accounts[ONE], **changes)
        return replace(answer, accounts={**answer.accounts, ONE: account})

    return change


def with_score(value: Any) -> Callable[[str, Any], Any]:
    return with_account(scores={"skill": value})


def with_season(**changes: Any) -> Callable[[str, Any], Any]:
    return lambda verb, answer: replace(answer, **changes) if verb == "close" else answer


def with_percept(percept: Any) -> Callable[[str, Any], Any]:
    return lambda verb, answer: {**answer, ONE: percept} if verb == "percepts" else answer


def instead(at: str, value: Any) -> Callable[[str, Any], Any]:
    return lambda verb, answer: value if verb == at else answer


class Endless(dict[str, Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("no keys today")


WRONG = {
    "float energy": (with_account(energy=1.0), "returned 1.0 as the energy of agent-0"),
    "true energy": (with_account(energy=True), "returned True as the energy"),
    "huge energy": (with_account(energy=10**4000), "a number of 13288 bits as the energy"),
    "NaN score": (with_score(float("nan")), "nan as the score 'skill' of agent-0, a finite"),
    "infinite score": (with_score(float("inf")), "inf as the score 'skill'"),
    "huge score": (with_score(10**400), "as the score 'skill' of agent-0, a finite number"),
    "text score": (with_score("0.5"), "'0.5' as the score"),
    "no scores": (with_account(scores=None), "None as the scores of agent-0, a mapping"),
    "score of no name": (with_account(scores={7: 1.0}), "7 as a key of the scores of agent-0"),
    "many scores": (
        with_account(scores=dict.fromkeys(map(str, range(99)), 1.0)), "gave 99 scores to agent-0"
    ),
    "text evidence": (with_account(evidence=("a",)), "'a' as the evidence of agent-0"),
    "endless evidence": (with_account(evidence=range(10**9)), "more than 256 numbers of evidence"),
    "no main score": (with_season(main=None), "None as the name of the main score"),
    "count": (with_account(answered=0.5), "0.5 as `answered`"),
    "another's account": (with_account(id="agent-1"), "has the account of 'agent-1'"),
    "no account": (with_season(accounts={}), "left 'agent-0' out of its accounts"),
    "stranger": (
        with_season(accounts={"x": Account("x", 1)}), "named 'x' in its accounts, who does not live"
    ),
    "list of accounts": (with_season(accounts=[1]), "as accounts, a mapping is needed"),
    "broken mapping": (with_season(accounts=Endless()), "RuntimeError: no keys today"),
    "late tick": (with_season(tick=7), "ended at tick 7, after tick 1 was settled"),
    "float tick": (with_season(tick=1.0), "returned 1.0 as the tick"),
    "lived later": (with_season(lived={ONE: 99}), "99 as the last tick lived by agent-0"),
    "lived by a stranger": (with_season(lived={"x": 0}), "named 'x' in its lived"),
    "no season": (instead("close", None), "returned None as the season, a Season is needed"),
    "no percepts": (instead("percepts", None), "returned None as percepts"),
    "percept of a stranger": (instead("percepts", {"x": Percept((), (), 0)}), "named 'x'"),
    "number as a key": (instead("percepts", {7: Percept((), (), 0)}), "7 as a key of percepts"),
    "no percept": (with_percept({"steps": []}), "a Percept is needed"),
    "NaN step": (with_percept(Percept((float("nan"),), (), 0)), "nan as step 0 of the percept"),
    "text step": (with_percept(Percept(("1",), (), 0)), "'1' as step 0"),
    "text as steps": (with_percept(Percept("12", (), 0)), "'12' as steps, a sequence"),
    "too many steps": (with_percept(Percept(range(10**9), (), 0)), "more than 1000000 steps"),
    "too many voices": (with_percept(Percept((), (None,) * 999, 0)), "more than 256 things heard"),
    "infinite voice": (with_percept(Percept((), (float("inf"),), 0)), "what agent-0 hears"),
    "float purse": (with_percept(Percept((), (), 1.5)), "1.5 as the energy of agent-0 in its"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_value_that_makes_no_sense_is_refused(name: str) -> None:
    change, words = WRONG[name]
    with pytest.raises(PluginError) as error:
        lived(Wrong(change))
    assert "the environment 'mine:World'" in error.value.what
    assert words in error.value.what


@pytest.mark.parametrize("phases", [0, 1.0, None, "2", 10**9])
def test_number_of_phases_is_checked(phases: Any) -> None:
    world = Wrong(lambda verb, answer: answer)
    world.phases = phases
    with pytest.raises(PluginError, match="number of phases"):
        GuardedEnvironment(GUARD, world)


class Five:
    """A whole number as libraries have them."""

    def __index__(self) -> int:
        return 5


def test_numbers_of_other_libraries_are_taken_and_made_plain() -> None:
    season = lived(Wrong(with_account(energy=Five(), scores={"skill": Fraction(1, 2)})))
    account = season.accounts[ONE]
    assert (account.energy, account.scores) == (5, {"skill": 0.5})
    assert (type(account.energy), type(account.scores["skill"])) == (int, float)


@pytest.mark.parametrize("make", [series, solitary])
def test_worlds_of_ours_are_the_same_behind_a_guard(make: Callable[[], Environment]) -> None:
    plain, guarded = make(), GuardedEnvironment(GUARD, make())
    seasons = []
    for environment in (plain, guarded):
        settle(environment, *(resident(place) for place in range(4)))
        told = [live_tick(environment, {ONE: Act((2.0,), say=1.0, fitness=0.2)}) for _ in range(3)]
        seasons.append((told, environment.close()))
    assert seasons[0] == seasons[1]


@pytest.mark.parametrize("missing", ["open", "cost", "exam"])
def test_world_without_a_function_is_refused(missing: str) -> None:
    there = {name: lambda self, *_: 1 for name in ("open", "cost", "exam") if name != missing}
    with pytest.raises(PluginError, match=f"has no {missing}"):
        guarded_world(GUARD, type("World", (), there)())


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (5, "5 as what it tells, a Told is needed"),
        (Told((float("nan"),), (), "mine"), "nan as a value of its data"),
        (Told((), None, "mine"), "None as values of its data"),  # type: ignore[arg-type]
        (Told((), (), 7), "7 as the source of its data"),  # type: ignore[arg-type]
    ],
)
def test_what_a_world_says_of_its_data_is_checked(told: Any, words: str) -> None:
    verbs = {verb: lambda self, *_: told for verb in ("open", "cost", "exam", "told")}
    with pytest.raises(PluginError) as error:
        guarded_world(GUARD, type("World", (), verbs)()).told()
    assert words in error.value.what


def test_world_may_say_nothing_of_its_data() -> None:
    verbs = {verb: lambda self, *_: None for verb in ("open", "cost", "exam")}
    assert guarded_world(GUARD, type("World", (), verbs)()).told() is None


@pytest.mark.parametrize("cost", [1.5, None, float("nan"), "3", True])
def test_cost_is_a_whole_number(cost: Any) -> None:
    world = type("World", (), {v: lambda self, *_: cost for v in ("open", "cost", "exam")})()
    with pytest.raises(PluginError, match="the cost of a tick"):
        guarded_world(GUARD, world).cost(1.0)
    with pytest.raises(PluginError, match="an environment"):
        guarded_world(GUARD, world).open(1)
