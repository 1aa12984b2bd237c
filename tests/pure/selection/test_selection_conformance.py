"""What every built-in selection policy must do, whatever the population."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_support import POLICIES, candidate, view_of, views

from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.model.selection import PopulationView, Verdicts

every_policy = pytest.mark.parametrize("policy", POLICIES)
seeds = st.integers(0, 2**32)


def judged(policy: SelectionPolicy, view: PopulationView, seed: int = 1) -> Verdicts:
    return policy(view, random.Random(seed))


@every_policy
@given(view=views(), seed=seeds)
def test_same_view_and_draws_give_the_same_verdicts(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    assert judged(policy, view, seed) == judged(policy, view, seed)


@every_policy
@given(view=views(), seed=seeds)
def test_nobody_dies_twice_and_only_the_living_die(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    dead = [agent for agent, _ in judged(policy, view, seed).deaths]
    assert len(set(dead)) == len(dead)
    assert set(dead) <= {c.id for c in view.members}


@every_policy
@given(view=views(), seed=seeds)
def test_parents_are_one_or_two_survivors_that_run(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    verdicts = judged(policy, view, seed)
    dead = {agent for agent, _ in verdicts.deaths}
    able = {c.id for c in view.members if c.running} - dead
    for parents in verdicts.births:
        assert len(parents) in (1, 2)
        assert len(set(parents)) == len(parents)
        assert set(parents) <= able


@every_policy
@given(view=views(), seed=seeds)
def test_births_fit_into_the_free_places_and_the_share(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    verdicts = judged(policy, view, seed)
    free = max(0, view.places - len(view.members) + len(verdicts.deaths))
    share = max(1, int(view.births_share * view.places)) if view.births_share else 0
    assert len(verdicts.births) <= min(free, share)


@every_policy
@given(view=views(), seed=seeds)
def test_turnover_kills_no_newborn_and_no_more_than_the_floor(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    ages = {c.id: c.age for c in view.members}
    deaths = judged(policy, view, seed).deaths
    floored = [agent for agent, cause in deaths if cause in ("turnover", "selected")]
    assert all(ages[agent] >= 2 for agent in floored)
    assert not floored or len(deaths) <= view.turnover_floor * len(ages)


@every_policy
@given(view=views(), seed=seeds)
def test_who_is_older_than_the_limit_dies(
    policy: SelectionPolicy, view: PopulationView, seed: int
) -> None:
    dead = {agent for agent, _ in judged(policy, view, seed).deaths}
    assert {c.id for c in view.members if c.age > view.age_limit} <= dead


@every_policy
def test_nobody_comes_from_an_empty_population(policy: SelectionPolicy) -> None:
    assert judged(policy, view_of(places=10)) == Verdicts()


@every_policy
def test_single_agent_breeds_alone(policy: SelectionPolicy) -> None:
    verdicts = judged(policy, view_of(candidate(1, energy=9000), places=2))
    assert verdicts == Verdicts((), (("agent-0001",),))


@every_policy
def test_quarantined_population_has_no_children(policy: SelectionPolicy) -> None:
    living = [candidate(n, running=False, energy=9000) for n in range(20)]
    assert judged(policy, view_of(*living, places=40)).births == ()


@every_policy
def test_no_share_of_births_means_no_births(policy: SelectionPolicy) -> None:
    living = [candidate(n, energy=9000) for n in range(20)]
    assert judged(policy, view_of(*living, places=40, births_share=0.0)).births == ()


@every_policy
def test_thousands_are_judged_within_a_second(policy: SelectionPolicy) -> None:
    living = [candidate(n, energy=n, fitness=n / 4000) for n in range(4000)]
    verdicts = judged(policy, view_of(*living))
    assert len(verdicts.deaths) >= 399
    assert verdicts.births
