"""How a population is shared out among colonies."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from evolve_ai.colony.layout import ColonyLayout, colonies_needed, demes_for
from evolve_ai.model.errors import SettingsError
from evolve_ai.model.run_state import RunState
from evolve_ai.model.settings import Settings
from evolve_ai.system import machine


def test_every_deme_has_one_colony_and_every_place_its_deme() -> None:
    layout = ColonyLayout(demes=5, colonies=2)
    assert [layout.demes_of(number) for number in (0, 1)] == [(0, 2, 4), (1, 3)]
    for place in range(40):
        assert place % 5 in layout.demes_of(layout.colony_of(place))


def test_one_colony_has_the_folder_that_it_always_had() -> None:
    assert ColonyLayout(demes=3).folders(Path("w")) == (Path("w/colony"),)
    assert ColonyLayout(3, 2).folders(Path("w")) == (Path("w/colony-0"), Path("w/colony-1"))


def state(places: int, **more: int) -> RunState:
    return RunState(places=places, **more)  # type: ignore[arg-type]


def test_large_populations_have_more_demes_whatever_the_machine() -> None:
    sizes = (0, 60, 999, 1000, 1999, 2000, 3000, 10_000, 10**7)
    assert [demes_for(places) for places in sizes] == [1, 1, 1, 2, 2, 4, 4, 16, 1024]


def test_population_keeps_the_demes_that_it_began_with() -> None:
    assert ColonyLayout.wanted(Settings(), state(1000)).demes == 2
    assert ColonyLayout.wanted(Settings(), state(1000, epoch=1, demes=1)).demes == 1
    assert ColonyLayout.wanted(Settings(demes=3), state(1000, epoch=1, demes=1)).demes == 3


def test_there_is_a_colony_for_each_processor_that_has_enough_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "descriptors", lambda: 20_000)
    monkeypatch.setattr(machine, "processors", lambda: 2)
    assert ColonyLayout.wanted(Settings(), state(60)) == ColonyLayout(1, 1)
    assert ColonyLayout.wanted(Settings(demes=4), state(60)) == ColonyLayout(4, 1)
    assert ColonyLayout.wanted(Settings(), state(3000)) == ColonyLayout(4, 2)
    assert ColonyLayout.wanted(Settings(colonies=1), state(3000)) == ColonyLayout(4, 1)
    monkeypatch.setattr(machine, "processors", lambda: 1)
    assert ColonyLayout.wanted(Settings(), state(3000)) == ColonyLayout(4, 1)


def test_there_are_as_many_colonies_as_descriptors_require(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "descriptors", lambda: 20_000)
    monkeypatch.setattr(machine, "processors", lambda: 1)
    assert [colonies_needed(agents) for agents in (0, 9950, 9951, 30_000)] == [1, 1, 2, 4]
    assert ColonyLayout.wanted(Settings(demes=8), state(10_000)) == ColonyLayout(8, 2)
    assert ColonyLayout.wanted(Settings(demes=3), state(90_000)) == ColonyLayout(3, 3)
    assert ColonyLayout.wanted(Settings(demes=3, colonies=3), state(10)) == ColonyLayout(3, 3)


def test_more_colonies_than_demes_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"colonies \(2\) must not exceed demes \(1\)"):
        Settings(demes=1, colonies=2)
    with pytest.raises(SettingsError, match=r"colonies \(2\) must not exceed demes \(1, since"):
        ColonyLayout.wanted(Settings(colonies=2), state(60))
