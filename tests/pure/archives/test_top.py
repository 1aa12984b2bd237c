"""The archive `top`: the hill climb that accepts ties, and its second climb."""

import random

from archive_support import entry

from evolve_ai.archives.top import Top
from evolve_ai.model.archive_settings import TopOptions
from evolve_ai.model.candidate import Entry

RNG = random.Random(1)


def test_one_of_the_best_is_the_hill_climb_that_accepts_ties() -> None:
    top, rng, at = Top(TopOptions()), random.Random(5), 0
    values = [float(rng.randrange(9)) for _ in range(300)]
    for number, value in enumerate(values):
        top.tell(entry(number, value))
        if value >= values[at]:
            at = number
        assert top.ask(number + 1, RNG).parents == (at,)


def test_without_ties_the_first_of_equal_ones_stays() -> None:
    top = Top(TopOptions(ties=False))
    assert [top.tell(entry(number, 1.0)).kept for number in range(3)] == [True, False, False]
    assert top.ask(3, RNG).parents == (0,)


def test_equal_one_takes_the_place_of_the_last_one() -> None:
    top = Top(TopOptions(size=2))
    for number, value in enumerate((5.0, 3.0, 3.0)):
        top.tell(entry(number, value))
    assert top.members() == (0, 2)
    assert not top.tell(entry(3, 2.0)).kept


def test_explore_draws_from_all_that_are_kept() -> None:
    drawn: dict[float, set[int]] = {}
    for explore in (0.0, 1.0):
        top = Top(TopOptions(size=5, explore=explore))
        for number in range(5):
            top.tell(entry(number, float(number)))
        drawn[explore] = {top.ask(9, random.Random(at)).parents[0] for at in range(99)}
    assert drawn == {0.0: {4}, 1.0: {0, 1, 2, 3, 4}}


def climbing() -> Top:
    top = Top(TopOptions())
    for number in range(4):
        top.tell(entry(number, float(number)))
    assert top.stir(4, random.Random(2)).startswith("a second climb begins from candidate ")
    return top


def test_second_climb_gets_half_of_the_candidates_and_climbs_by_itself() -> None:
    top = climbing()
    choices = [top.ask(9, random.Random(at)) for at in range(200)]
    second = [one for one in choices if one.island == 1]
    start = second[0].parents[0]
    assert 70 < len(second) < 130 and start < 3
    assert top.tell(entry(9, start + 0.5, island=1)).where == "the second climb"
    assert not top.tell(entry(10, start + 0.9, island=0)).kept, "it is none of that climb"
    assert {
        one.parents[0] for at in range(99) if (one := top.ask(11, random.Random(at))).island
    } == {9}
    assert not top.tell(entry(11, start + 0.4, island=1)).kept


def test_second_climb_that_is_as_good_as_the_first_replaces_it() -> None:
    top = climbing()
    assert top.tell(entry(9, 3.0, island=1)).kept
    assert {top.ask(10, random.Random(at)).island for at in range(50)} == {0}
    assert top.ask(10, RNG).parents == (9,)


def test_candidates_of_an_earlier_second_climb_do_not_join_the_next() -> None:
    top = climbing()
    top.stir(5, random.Random(3))
    assert not top.tell(entry(9, 2.9, island=1)).kept
    assert top.tell(entry(10, 2.9, island=2)).kept


def test_nothing_can_be_stirred_before_there_is_a_former_best() -> None:
    top = Top(TopOptions())
    top.tell(entry(0, 1.0))
    top.tell(entry(1, 1.0))
    assert top.stir(2, RNG) == ""


def test_equal_ones_do_not_grow_for_ever() -> None:
    top = Top(TopOptions(growth=1.5))
    sizes = [100.0, 140.0, 160.0, 90.0, 136.0, 130.0]
    kept = [top.tell(Entry(n, (1.0,), {"size": size})).kept for n, size in enumerate(sizes)]
    assert kept == [True, True, False, True, False, True]
    assert top.tell(Entry(9, (2.0,), {"size": 1000.0})).kept
