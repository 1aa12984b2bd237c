"""What every archive does: contracts/archive.py."""

import random
from math import inf

import pytest
from archive_support import (
    KINDS,
    MOST,
    archive,
    entry,
    histories,
    random_entries,
    told,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve_ai.model.candidate import Entry

kinds = pytest.mark.parametrize("kind", KINDS)
few = settings(max_examples=12)


@kinds
@few
@given(entries=histories())
def test_same_tells_asks_and_draws_give_the_same_answers(kind: str, entries: list[Entry]) -> None:
    assert told(archive(kind), entries) == told(archive(kind), entries)


@kinds
@few
@given(entries=histories(), data=st.data())
def test_archive_goes_on_from_its_state_as_if_nothing_had_been(
    kind: str, entries: list[Entry], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(entries)))
    first, second = archive(kind), archive(kind)
    told(first, entries[:cut])
    second.restore(written(first.state()))
    assert written(second.state()) == written(first.state())
    assert second.members() == first.members()
    number = entries[cut - 1].number + 1
    assert second.ask(number, random.Random(1)) == first.ask(number, random.Random(1))
    assert told(second, entries[cut:]) == told(first, entries[cut:])


@kinds
def test_state_before_the_first_entry_can_be_restored(kind: str) -> None:
    first, second = archive(kind), archive(kind)
    second.restore(written(first.state()))
    entries = random_entries(30, random.Random(3))
    assert told(second, entries) == told(first, entries)


@kinds
@few
@given(entries=histories())
def test_members_were_told_and_only_they_are_named(kind: str, entries: list[Entry]) -> None:
    to, known = archive(kind), set()
    for one in entries:
        placement = to.tell(one)
        known.add(one.number)
        members = to.members()
        assert set(members) <= known
        assert len(set(members)) == len(members)
        assert (one.number in members) == placement.kept
        for number in range(one.number + 1, one.number + 6):
            choice = to.ask(number, random.Random(number))
            assert choice.parents
            named = (*choice.parents, *choice.inspirations)
            assert len(set(named)) == len(named)
            assert set(named) <= set(members)


@kinds
@few
@given(entries=histories(), goals=st.integers(1, 3))
def test_best_by_the_first_goal_stays_and_comes_first(
    kind: str, entries: list[Entry], goals: int
) -> None:
    entries = random_entries(len(entries), random.Random(len(entries)), goals)
    to, values, best = archive(kind), {}, -inf
    for one in entries:
        placement = to.tell(one)
        values[one.number] = one.goals[0]
        if one.number % 5 == 4:
            to.stir(one.number, random.Random(1))
        if one.goals[0] > best:
            assert placement.improved and placement.kept
            best = one.goals[0]
        else:
            assert goals > 1 or not placement.improved
        assert values[to.members()[0]] == best
        assert not placement.improved or placement.kept


@kinds
def test_ask_changes_nothing(kind: str) -> None:
    to = archive(kind)
    told(to, random_entries(40, random.Random(5)))
    before = written(to.state())
    choices = [to.ask(100, random.Random(2)) for _ in range(3)]
    assert choices[0] == choices[1] == choices[2]
    assert written(to.state()) == before


@kinds
def test_only_entry_is_the_parent_of_all(kind: str) -> None:
    to = archive(kind)
    assert to.tell(entry(0, 1.5)).improved
    for number in range(1, 9):
        choice = to.ask(number, random.Random(number))
        assert (choice.parents, choice.inspirations) == ((0,), ())
    assert isinstance(to.stir(9, random.Random(9)), str)
    assert to.ask(10, random.Random(10)).parents == (0,)


@kinds
def test_entry_that_equals_the_best_is_kept_where_ties_are(kind: str) -> None:
    to = archive(kind)
    same = {"features": {"size": 3.0}, "shape": frozenset({1, 2}), "signature": (1.0,)}
    for number in range(6):
        placement = to.tell(entry(number, 1.0, **same))
        assert placement.improved == (number == 0)
        assert placement.kept or kind == "top without ties"
    newest = 0 if kind == "top without ties" else 5
    assert to.members()[0] == newest


@kinds
def test_worse_entry_never_comes_before_a_better_one(kind: str) -> None:
    to = archive(kind)
    to.tell(entry(0, 2.0))
    to.tell(entry(1, 1.0))
    to.tell(entry(2, 3.0))
    assert to.members()[0] == 2


@kinds
def test_numbers_of_any_size_are_taken(kind: str) -> None:
    to = archive(kind)
    values = (1e308, -1.7e308, 1.7e308, 0.0, -1e-300)
    sizes = (0.0, 1.7e308, -1.7e308, 1e-300, 5.0)
    entries = [
        entry(at, value, features={"size": size, "complexity": -size}, signature=(value,))
        for at, (value, size) in enumerate(zip(values, sizes, strict=True))
    ]
    told(to, entries)
    assert to.members()[0] == 2


@kinds
@pytest.mark.parametrize("goals", [2, 3])
def test_several_goals_are_taken(kind: str, goals: int) -> None:
    entries = random_entries(60, random.Random(8), goals)
    assert told(archive(kind), entries) == told(archive(kind), entries)


@pytest.mark.parametrize("kind", MOST)
def test_members_and_state_are_bounded_by_the_options(kind: str) -> None:
    to, rng = archive(kind), random.Random(4)
    sizes = []
    for at in range(1200):
        value = rng.random()
        facts = {"size": rng.random() * 9, "complexity": rng.random() * 9}
        shape = frozenset(rng.sample(range(99), 9))
        to.tell(Entry(at, (value, -value), facts, shape, (rng.random(),), (), rng.randrange(4)))
        if at % 50 == 0:
            to.stir(at, rng)
        assert len(to.members()) <= MOST[kind]
        sizes.append(len(str(to.state())))
    assert max(sizes[600:]) < 1.3 * max(sizes[300:600])
