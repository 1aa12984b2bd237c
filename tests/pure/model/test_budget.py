"""Laws of budgets: few die, the poorest first, and a machine with room is left alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.budget import AGENTS, Budget, Consumer, Resource, cut, in_bytes, shown
from evolve_ai.model.capacity import UNLIMITED, Bound, tightest

MIB = 1024 * 1024

mouths = st.lists(
    st.builds(
        Consumer,
        id=st.uuids().map(str),
        energy=st.integers(-100, 100),
        age=st.integers(0, 20),
        running=st.booleans(),
    ),
    max_size=60,
    unique_by=lambda mouth: mouth.id,
)
budgets = st.lists(
    st.builds(
        Budget,
        resource=st.sampled_from(Resource),
        used=st.integers(0, 2000),
        allowed=st.integers(0, 2000),
        each=st.integers(0, 50),
        left=st.integers(-50, 3000),
    ),
    max_size=4,
    unique_by=lambda budget: budget.resource,
)
counts = st.integers(0, 20)


def memory(used: int, allowed: int = 1000, each: int = 10, left: int = 10_000) -> Budget:
    return Budget(Resource.MEMORY, used, allowed, each, left)


def herd(size: int) -> list[Consumer]:
    return [Consumer(f"a{n:03}", n, 0, True) for n in range(size)]


@given(budgets, mouths, counts, counts)
def test_a_tenth_dies_at_most_and_never_the_last(budgets, mouths, births, leaving) -> None:
    deaths = cut(budgets, mouths, births, leaving).deaths
    assert len(deaths) <= max(1, len(mouths) // 10)
    assert not deaths or len(deaths) < len(mouths)
    assert len(set(deaths)) == len(deaths)


@given(budgets, mouths, counts, counts)
def test_nobody_dies_unless_the_population_itself_is_over(budgets, mouths, births, leaving) -> None:
    calm = [replace(budget, used=min(budget.used, budget.allowed - 1)) for budget in budgets]
    assert cut(calm, mouths, births, leaving).deaths == ()


@given(budgets, mouths, counts, counts)
def test_population_does_not_grow_from_ninety_percent_on(budgets, mouths, births, leaving) -> None:
    wanted = cut(budgets, mouths, births, leaving)
    assert 0 <= wanted.births <= births
    if any(budget.tight for budget in budgets):
        assert wanted.births <= leaving
    if wanted.deaths:
        assert wanted.births == 0


@given(budgets, mouths, counts, counts)
def test_growth_never_leads_above_ninety_percent(budgets, mouths, births, leaving) -> None:
    born = cut(budgets, mouths, births, leaving).births
    for budget in budgets:
        grown = budget.used + born * budget.each <= 0.9 * budget.allowed
        assert born <= leaving or grown


@given(budgets, mouths, counts, counts, st.integers(0, 60))
def test_who_dies_of_anything_else_is_replaced_and_a_few_live_on_whatever_is_full(
    budgets, mouths, births, leaving, places
) -> None:
    wanted = cut(budgets, mouths, births, leaving, places)
    few = min(places, 2)
    assert len(mouths) - len(wanted.deaths) >= min(len(mouths), max(few, places // 10))
    if not wanted.deaths:
        assert wanted.births >= min(births, max(leaving, few - len(mouths)))


def filled_by(part: str, resource: Resource = Resource.DISK) -> Budget:
    return Budget(resource, 1200, 1000, 10, 10_000, {part: 1000, AGENTS: 200})


def test_death_that_frees_next_to_nothing_is_nobodys() -> None:
    """A registry, a store or logs grow on, however few agents there are."""
    wanted = cut([filled_by("registry")], herd(90), 7, leaving=3, places=100)
    assert (wanted.births, wanted.deaths) == (3, ())
    assert cut([filled_by("registry", Resource.INODES)], herd(90), 0).deaths == ()
    agents = replace(filled_by("logs"), parts={"logs": 200, AGENTS: 1000})
    assert len(cut([agents], herd(90), 0).deaths) == 9


@pytest.mark.parametrize("part", ["registry", AGENTS])
def test_population_whose_budget_stays_full_never_dies_out(part: str) -> None:
    """Each cycle a fifth dies of age, and children come in bursts, now and then."""
    full = replace(filled_by(part), parts={part: 1200})
    living, low = 100, 100
    for cycle in range(200):
        dying, wanted = living // 5, 0 if cycle % 3 else 40
        found = cut([full], herd(living - dying), wanted, dying, 100)
        living += found.births - dying - len(found.deaths)
        low = min(low, living)
    assert low >= (25 if part == "registry" else 5)
    assert living <= 100


@given(budgets, mouths, counts, counts)
def test_the_poorest_die(budgets, mouths, births, leaving) -> None:
    deaths = set(cut(budgets, mouths, births, leaving).deaths)
    running = [mouth for mouth in mouths if mouth.running]
    spared = [mouth.energy for mouth in running if mouth.id not in deaths]
    gone = [mouth.energy for mouth in running if mouth.id in deaths]
    assert not gone or not spared or max(gone) <= min(spared)


@given(mouths, counts, counts)
def test_machine_with_room_is_left_alone(mouths, births, leaving) -> None:
    wanted = cut([memory(used=100)], mouths, births, leaving)
    assert (wanted.births, wanted.deaths, wanted.causes) == (births, (), ())


def test_as_few_die_as_bring_it_back_below() -> None:
    assert cut([memory(used=1000)], herd(90), 5).deaths == ("a000",)
    assert cut([memory(used=1025)], herd(90), 0).deaths == ("a000", "a001", "a002")
    assert cut([memory(used=1025)], herd(90), 0, leaving=3).deaths == ()
    assert cut([memory(used=5000)], herd(90), 0).deaths == tuple(f"a{n:03}" for n in range(9))


def test_oldest_of_the_equally_poor_dies() -> None:
    herd = [Consumer(f"a{age}", 0, age, True) for age in (3, 9, 4)]
    assert cut([memory(used=1000)], herd, 0).deaths == ("a9",)


def test_who_does_not_run_gives_no_memory_back_but_its_folder() -> None:
    herd = [Consumer("asleep", 0, 0, False), Consumer("awake", 9, 0, True)]
    assert cut([memory(used=1000)], herd, 0).deaths == ("awake",)
    disk = replace(memory(used=1000), resource=Resource.DISK)
    assert cut([disk], herd, 0).deaths == ("asleep",)


def test_others_who_fill_the_machine_cost_births_and_no_lives() -> None:
    wanted = cut([memory(used=100, left=-5)], herd(50), 4)
    assert (wanted.births, wanted.deaths) == (0, ())
    assert [budget.resource for budget in wanted.causes] == [Resource.MEMORY]


def test_amounts_are_told_in_the_unit_that_suits_them() -> None:
    assert in_bytes(12) == "12 bytes"
    assert in_bytes(1536 * MIB) == "1.5 GiB"
    assert shown(Resource.DISK, 2048) == "2.0 KiB"
    assert shown(Resource.INODES, 12345) == "12,345"


def test_limit_that_bites_first_is_the_one_that_holds_fewest() -> None:
    memory = Bound("memory", 1000, 100, 10, "bytes", "")
    files = Bound("descriptors", 300, 100, 2, "", "")
    free = Bound("processes", UNLIMITED, 50, 1, "", "")
    assert (memory.agents, files.agents, files.needed(7)) == (90, 100, 114)
    assert tightest([files, free, memory]) == memory
    assert tightest([free]) is None
    assert Bound("memory", 50, 100, 10, "", "").agents == 0
