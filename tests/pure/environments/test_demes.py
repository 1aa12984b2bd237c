"""Worlds side by side: each has its own pot and neighbours, wherever it is turned."""

import pytest
from environment_support import live_tick, resident, season, series, settle, solitary

from evolve_ai.environments.demes import Demes, together
from evolve_ai.model.world import Act, Season


def demes(places: int, count: int, *ours: int) -> Demes:
    return Demes(series, places, count, ours or range(count))


def test_a_deme_pays_its_own_pot_only() -> None:
    alone = series(2)
    settle(alone, resident(0, id="one"))
    expected = season(alone, {"one": Act((0.0,))}).accounts["one"].energy
    environment = demes(6, 3)
    settle(environment, resident(1, id="one"), resident(0, id="other"), resident(3, id="third"))
    acts = {"one": Act((0.0,)), "other": Act((0.0,)), "third": Act((0.0,))}
    assert season(environment, acts).accounts["one"].energy == expected


def test_words_and_gifts_stay_in_a_deme() -> None:
    """Places 0, 2, 4, 6 are one deme of four neighbours, places 1, 3, 5, 7 the other."""
    environment = demes(8, 2)
    settle(environment, *(resident(place) for place in range(8)))
    says = Act((0.0,), say=5.0, give=((2, 100),))
    first, second = live_tick(environment, {f"agent-{n}": says for n in (0, 4)})
    assert first.keys() == {f"agent-{n}" for n in (0, 1, 4, 5)}
    assert set(second["agent-2"].heard) == set(second["agent-6"].heard) == {5.0}
    assert set(second["agent-3"].heard) == set(second["agent-7"].heard) == {None}
    accounts = environment.close().accounts
    assert accounts["agent-2"].energy > accounts["agent-1"].energy == accounts["agent-3"].energy


def test_places_that_are_added_change_nobodys_deme() -> None:
    seasons = []
    for places in (8, 10):
        environment = demes(places, 2)
        settle(environment, *(resident(place) for place in range(8)))
        for tick in range(2):
            live_tick(environment, {f"agent-{tick}": Act((0.0,), say=1.0)})
        seasons.append(environment.percepts(0).keys())
    assert seasons[0] == seasons[1]


def test_demes_turned_apart_come_to_the_same_as_together() -> None:
    living = [resident(place) for place in range(12)]
    acts = {r.id: Act((float(r.place),), say=1.0, give=((1, 50),)) for r in living}
    whole = demes(12, 4)
    settle(whole, *living)
    halves = []
    for ours in ((0, 2), (1, 3)):
        half = demes(12, 4, *ours)
        settle(half, *(one for one in living if one.place % 4 in ours))
        halves.append(season(half, acts, acts))
    assert together(halves) == season(whole, acts, acts)


def test_more_demes_than_places_are_no_obstacle() -> None:
    environment = demes(1, 4)
    settle(environment, resident(0))
    assert season(environment, {"agent-0": Act((0.0,))}).tick == 1


def test_worlds_of_different_phases_or_ticks_are_refused() -> None:
    made = iter([series(2), solitary(2)])
    with pytest.raises(ValueError, match=r"\[1, 2\] phases"):
        Demes(lambda places: next(made), 4, 2, (0, 1))
    with pytest.raises(ValueError, match=r"\[3, 4\]"):
        together([Season(3), Season(4)])
