"""Tests of the policy `energy`."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_support import candidate, view_of

from evolve_ai.model.selection import Member, PopulationView, Verdicts
from evolve_ai.selection.common import wanted_births
from evolve_ai.selection.draws import WeightedDraws
from evolve_ai.selection.energy import energy


def judged(view: PopulationView, seed: int = 1) -> Verdicts:
    return energy(view, random.Random(seed))


def test_who_has_no_energy_starves() -> None:
    living = [candidate(1, energy=0, age=0), candidate(2, energy=-5), candidate(3, energy=1)]
    assert judged(view_of(*living)).deaths == (("agent-0001", "starved"), ("agent-0002", "starved"))


def test_old_and_starved_dies_of_hunger_only() -> None:
    assert judged(view_of(candidate(1, energy=0, age=99))).deaths == (("agent-0001", "starved"),)


def test_poorest_grown_make_room_up_to_the_floor() -> None:
    living = [candidate(n, energy=100 * n, age=1 if n == 1 else 5) for n in range(1, 21)]
    deaths = judged(view_of(*living)).deaths
    assert deaths == (("agent-0002", "turnover"), ("agent-0003", "turnover"))


def test_starved_count_towards_the_floor() -> None:
    living = [candidate(n, energy=0 if n < 2 else 100) for n in range(20)]
    assert [cause for _, cause in judged(view_of(*living)).deaths] == ["starved", "starved"]


def test_only_the_rich_breed_and_only_as_often_as_they_can_pay() -> None:
    living = [candidate(1, energy=3000), *(candidate(n, energy=1499) for n in range(2, 20))]
    births = judged(view_of(*living, places=100)).births
    assert births == (("agent-0001",),) * 3  # 3000, 2250, 1500; then 750 are left


def test_richer_parent_comes_first_for_it_pays() -> None:
    living = [candidate(1, energy=2000), candidate(2, energy=9000)]
    for seed in range(30):
        first = judged(view_of(*living, places=3), seed).births[0]
        assert len(first) == 1 or first == ("agent-0002", "agent-0001")


def test_fitness_has_no_say() -> None:
    plain = [candidate(n, energy=300 * n) for n in range(20)]
    fit = [candidate(n, energy=300 * n, fitness=1 - n / 20) for n in range(20)]
    assert judged(view_of(*plain, places=25)) == judged(view_of(*fit, places=25))


def by_the_book(view: PopulationView, rng: random.Random) -> Verdicts:
    """The same policy, agent by agent, with the draws of `random.choices`."""
    deaths = [(c.id, "starved") for c in view.members if c.energy <= 0]
    starved = {agent for agent, _ in deaths}
    old = [c for c in view.members if c.age > view.age_limit and c.id not in starved]
    deaths += [(c.id, "age") for c in old]
    dead = {agent for agent, _ in deaths}
    missing = max(0, int(view.turnover_floor * len(view.members)) - len(deaths))
    poorest = sorted(view.members, key=lambda c: c.energy)
    grown = [c for c in poorest if c.age >= 2 and c.id not in dead]
    deaths += [(c.id, "turnover") for c in grown[:missing]]
    dead = {agent for agent, _ in deaths}
    purses = {c.id: c.energy for c in view.members if c.id not in dead and c.running}
    births: list[tuple[str, ...]] = []
    for _ in range(wanted_births(view, deaths)):
        rich = {agent: purse for agent, purse in purses.items() if purse >= view.breeding_energy}
        if not rich:
            break
        first, second = rng.choices(list(rich), weights=list(rich.values()), k=2)
        if rich[first] < rich[second]:
            first, second = second, first
        purses[first] -= view.endowment
        births.append((first,) if first == second else (first, second))
    return Verdicts(tuple(deaths), tuple(births))


people = st.lists(
    st.builds(
        candidate,
        st.just(0),
        energy=st.integers(-2000, 9000),
        age=st.integers(0, 25),
        running=st.booleans(),
    ),
    max_size=40,
).map(lambda found: [replace(one, id=f"agent-{n:04}") for n, one in enumerate(found)])


@given(people, st.integers(0, 60), st.integers(0, 2**32))
def test_arrays_decide_as_the_book_does(living: list[Member], places: int, seed: int) -> None:
    view = view_of(*living, places=places)
    assert judged(view, seed) == by_the_book(view, random.Random(seed))


weights = st.lists(st.integers(0, 2**45), min_size=1, max_size=70).filter(any)


@given(weights, st.integers(0, 2**32), st.data())
def test_weighted_draws_are_those_of_choices_whatever_changes(
    known: list[int], seed: int, data: st.DataObject
) -> None:
    draws, ours, theirs = WeightedDraws(known), random.Random(seed), random.Random(seed)
    for _ in range(5):
        rich = [at for at, weight in enumerate(known) if weight]
        [expected] = theirs.choices(rich, weights=[known[at] for at in rich])
        assert draws.draw(ours) == expected
        position = data.draw(st.integers(0, len(known) - 1))
        known[position] = data.draw(st.integers(0, 2**45))
        draws.change(position, known[position])
        if not any(known):
            break
        assert draws.total == sum(known)


def test_product_that_is_rounded_up_to_the_total_draws_the_last() -> None:
    class Last(random.Random):
        def random(self) -> float:
            return 1.0

    assert WeightedDraws([3, 0, 4, 0]).draw(Last()) == 2
    with pytest.raises(IndexError):
        WeightedDraws([0, 0]).draw(Last())
