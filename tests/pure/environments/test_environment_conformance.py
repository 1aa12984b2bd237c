"""What every world must do, whoever lives in it and whatever they answer."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite

import pytest
from environment_support import demes, resident, season, series, settle, solitary
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.contracts.environment import Environment
from evolve_ai.model.settings import EconomySettings
from evolve_ai.model.world import Act, Resident, Season

Make = Callable[..., Environment]
every_world = pytest.mark.parametrize("make", [series, solitary, demes])

numbers = st.floats(-1e15, 1e15)
acts = st.builds(
    Act,
    answers=st.lists(numbers, min_size=1, max_size=3).map(tuple),
    say=st.none() | numbers,
    give=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 10**9)), max_size=3).map(tuple),
    rest=st.booleans(),
    fitness=st.none() | numbers,
)
residents = st.lists(
    st.builds(
        resident,
        place=st.integers(0, 7),
        energy=st.integers(-5000, 50_000),
        load=st.floats(0.0, 10.0),
        running=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda r: r.place,
)


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Resident], list[dict[str, Act]]]:
    living = draw(residents)
    able = [r.id for r in living if r.running]
    answers = st.dictionaries(st.sampled_from(able), acts) if able else st.just({})
    return living, draw(st.lists(answers, max_size=5))


Lives = tuple[list[Resident], list[dict[str, Act]]]


def lived(make: Make, life: Lives, cycle: int = 1, **rules: float) -> Season:
    environment = make(8, EconomySettings(**rules))  # type: ignore[arg-type]
    settle(environment, *life[0], cycle=cycle)
    return season(environment, *life[1])


@every_world
@given(life=lives())
def test_everybody_has_an_account_and_energy_is_whole(make: Make, life: Lives) -> None:
    found = lived(make, life)
    assert set(found.accounts) == {r.id for r in life[0]} == set(found.lived)
    assert all(type(account.energy) is int for account in found.accounts.values())
    assert found.tick == len(life[1])


@every_world
@given(life=lives())
def test_nothing_is_paid_beyond_the_pot(make: Make, life: Lives) -> None:
    living, ticks = life
    before = sum(r.energy for r in living)
    after = sum(account.energy for account in lived(make, life, talk_cost=0.0).accounts.values())
    base = 850 * len(living) * len(ticks)
    assert after - before + base <= 8 * 1000 * len(ticks)


@every_world
@given(life=lives())
def test_gifts_neither_make_nor_destroy_energy(make: Make, life: Lives) -> None:
    living, ticks = life
    mean = [
        {a: Act(act.answers, act.say, (), act.rest, act.fitness) for a, act in t.items()}
        for t in ticks
    ]
    with_gifts, without = lived(make, life), lived(make, (living, mean))
    totals = [sum(a.energy for a in found.accounts.values()) for found in (with_gifts, without)]
    assert totals[0] == totals[1]


@every_world
@given(life=lives())
def test_order_of_residents_and_answers_does_not_matter(make: Make, life: Lives) -> None:
    living, ticks = life
    turned = [dict(reversed(list(t.items()))) for t in ticks]
    assert lived(make, life) == lived(make, (living[::-1], turned))


@every_world
@given(life=lives())
def test_who_never_answers_pays_the_base_and_nothing_else(make: Make, life: Lives) -> None:
    living, ticks = life
    quiet = {r.id for r in living} - {agent for t in ticks for agent in t}
    plain = [{a: Act(x.answers, x.say, (), x.rest, x.fitness) for a, x in t.items()} for t in ticks]
    found = lived(make, (living, plain))
    for one in living:
        if one.id in quiet:
            assert found.accounts[one.id].energy == one.energy - 850 * len(ticks)
            assert found.accounts[one.id].answered == 0
            assert found.lived[one.id] == one.lived_tick


@every_world
@given(life=lives())
def test_only_the_running_are_asked(make: Make, life: Lives) -> None:
    environment = make(8)
    settle(environment, *life[0])
    asked = [agent for phase in range(environment.phases) for agent in environment.percepts(phase)]
    assert sorted(asked) == sorted(r.id for r in life[0] if r.running)


@every_world
@given(life=lives())
def test_famine_takes_its_share_of_the_pot(make: Make, life: Lives) -> None:
    living, _ = life
    calm = lived(make, life, cycle=3, famine_every=2, talk_cost=0.0)
    hungry = lived(make, life, cycle=4, famine_every=2, famine_share=1.0, talk_cost=0.0)
    assert calm == lived(make, life, talk_cost=0.0)
    assert sum(a.energy for a in hungry.accounts.values()) <= sum(r.energy for r in living)


@every_world
@given(life=lives())
def test_who_is_stricken_by_a_plague_ends_without_energy(make: Make, life: Lives) -> None:
    found = lived(make, life, cycle=5, plague_every=5, plague_share=1.0)
    assert all(account.energy <= 0 for account in found.accounts.values())


@every_world
def test_plague_strikes_a_share_and_heals_no_debts(make: Make) -> None:
    living = [resident(place, energy=-5 if place % 2 else 10**6) for place in range(400)]
    environment = make(400, EconomySettings(plague_every=1, plague_share=0.25))
    settle(environment, *living)
    after = environment.close().accounts
    rich = [after[r.id].energy for r in living if r.energy > 0]
    assert 25 < rich.count(0) < 75
    assert all(after[r.id].energy == -5 for r in living if r.energy < 0)


@every_world
def test_programs_cost_energy_unless_the_agent_rests(make: Make) -> None:
    ends = []
    for load, rest in ((0.0, False), (1.0, False), (1.0, True), (4.0, False)):
        environment = make(1)
        settle(environment, resident(0, load=load))
        act = Act((0.0,), rest=rest, fitness=1.0)
        ends.append(season(environment, {"agent-0": act}).accounts["agent-0"].energy)
    free, dear, rested, dearest = ends
    assert free == rested == dear + 150 == dearest + 600


@every_world
def test_empty_world_turns(make: Make) -> None:
    environment = make(4)
    settle(environment, tick=9)
    assert season(environment, {}, {}).tick == 11


@every_world
@given(life=lives())
def test_resettling_everybody_as_they_are_changes_nothing(make: Make, life: Lives) -> None:
    living, ticks = life
    environment = make(8)
    settle(environment, *living)
    environment.resettle([replace(one, energy=77) for one in living])
    assert season(environment, *ticks) == lived(make, life)


@every_world
def test_who_gets_or_loses_a_process_between_two_ticks_is_asked_or_not(make: Make) -> None:
    one, other = resident(0, running=True), resident(1, running=False)
    environment = make(8)
    settle(environment, one, other)
    environment.resettle([replace(one, running=False), replace(other, running=True)])
    asked = [agent for phase in range(environment.phases) for agent in environment.percepts(phase)]
    assert asked == [other.id]


@every_world
def test_program_that_grew_between_two_ticks_costs_from_then_on(make: Make) -> None:
    energies = []
    for load in (0.1, 4.0):
        one = resident(0, load=0.1)
        environment = make(8)
        settle(environment, one)
        environment.resettle([replace(one, load=load)])
        energies.append(season(environment, {one.id: Act((0.0,))}).accounts[one.id].energy)
    assert energies[0] > energies[1]


@every_world
@given(life=lives())
def test_scores_are_named_and_the_main_one_is_theirs_who_answered(make: Make, life: Lives) -> None:
    found = lived(make, life)
    assert found.main
    for account in found.accounts.values():
        assert all(isinstance(one, float) and isfinite(one) for one in account.scores.values())
        assert all(isinstance(one, float) and isfinite(one) for one in account.evidence)
        assert account.answered or not account.scores
