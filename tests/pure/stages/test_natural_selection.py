"""Tests of the verb select: a policy of the user's own may be wrong, or lie."""

import random
from typing import Any

import pytest

from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.model.errors import PluginError
from evolve_ai.model.selection import Member, PopulationView, Verdicts
from evolve_ai.stages.natural_selection import member_of, process_natural_selection

ANNA = Member("anna", 100, 0.5, 3, 0, 5, True)
BERT = Member("bert", 100, 0.5, 3, 0, 5, True)
VIEW = PopulationView(1, 3, 1000, 1500, 750, 15, 0.1, 0.5, (BERT, ANNA))


def judged_by(answer: Any) -> Verdicts:
    def policy(view: PopulationView, rng: random.Random) -> Any:
        return answer

    return process_natural_selection(VIEW, policy, random.Random(1))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "returned NoneType"),
        (((), ()), "returned tuple"),
        (Verdicts(deaths=(("carl", "age"),)), "condemned 'carl', who is not alive"),
        (Verdicts(deaths=(("anna", "age"), ("anna", "age"))), "'anna' twice"),
        (Verdicts(deaths=("anna",)), "deaths"),  # type: ignore[arg-type]
        (Verdicts(deaths=(("anna", None),)), "deaths"),  # type: ignore[arg-type]
        (Verdicts(deaths=((["anna"], "age"),)), "deaths"),  # type: ignore[arg-type]
        (Verdicts(deaths=None), "no sequence"),  # type: ignore[arg-type]
        (Verdicts(deaths=7), "no sequence"),  # type: ignore[arg-type]
        (Verdicts(births=(("carl",),)), "made 'carl' a parent"),
        (Verdicts((("anna", "age"),), (("anna",),)), "made 'anna' a parent"),
        (Verdicts(births=((),)), "births"),
        (Verdicts(births=(("anna", "bert", "anna"),)), "births"),
        (Verdicts(births=("anna",)), "births"),  # type: ignore[arg-type]
        (Verdicts(births=((None,),)), "births"),  # type: ignore[arg-type]
        (Verdicts(births=(1 / n for n in (0,))), "ZeroDivisionError"),  # type: ignore[arg-type]
    ],
)
def test_verdicts_that_make_no_sense_are_refused(answer: Any, reason: str) -> None:
    with pytest.raises(PluginError, match=reason) as error:
        judged_by(answer)
    assert "judged_by.<locals>.policy" in error.value.what
    assert error.value.todo


def test_policy_that_raises_is_named_with_its_error() -> None:
    def broken(view: PopulationView, rng: random.Random) -> Verdicts:
        raise KeyError("oops")

    with pytest.raises(PluginError, match="broken failed: KeyError: 'oops'"):
        process_natural_selection(VIEW, broken, random.Random(1))


def test_policy_cannot_change_what_it_sees() -> None:
    def vandal(view: PopulationView, rng: random.Random) -> Verdicts:
        view.members[0].energy = 0  # type: ignore[misc]
        return Verdicts()

    with pytest.raises(PluginError, match="FrozenInstanceError"):
        process_natural_selection(VIEW, vandal, random.Random(1))


def test_lists_and_generators_become_plain_tuples() -> None:
    loose = Verdicts(iter([["anna", Cause.AGE]]), [["bert", "bert"]])  # type: ignore[arg-type, list-item]
    verdicts = judged_by(loose)
    assert verdicts == Verdicts((("anna", "age"),), (("bert", "bert"),))
    assert type(verdicts.deaths[0][1]) is str


def test_candidates_are_shown_in_the_order_of_their_ids() -> None:
    seen: list[str] = []

    def curious(view: PopulationView, rng: random.Random) -> Verdicts:
        seen.extend(candidate.id for candidate in view.members)
        return Verdicts()

    process_natural_selection(VIEW, curious, random.Random(1))
    assert seen == ["anna", "bert"]


@pytest.mark.parametrize("state", list(State))
def test_only_a_running_agent_is_shown_as_running(state: State) -> None:
    record = AgentRecord("anna", 0, 0, state, 2, (), 1, 100, age=3, fitness=0.25, active_genes=9)
    assert member_of(record) == Member("anna", 100, 0.25, 3, 2, 9, state is State.RUNNING)
