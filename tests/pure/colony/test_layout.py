"""How a population is shared out among colonies."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from evolve_ai.colony.layout import ColonyLayout, colonies_needed
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


def test_there_are_as_few_colonies_as_descriptors_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "descriptors", lambda: 20_000)
    assert [colonies_needed(agents) for agents in (0, 9950, 9951, 30_000)] == [1, 1, 2, 4]
    assert ColonyLayout.wanted(Settings(demes=8), 10_000) == ColonyLayout(8, 2)
    assert ColonyLayout.wanted(Settings(demes=3), 90_000) == ColonyLayout(3, 3)
    assert ColonyLayout.wanted(Settings(demes=3, colonies=3), 10) == ColonyLayout(3, 3)


def test_more_colonies_than_demes_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"colonies \(2\) must not exceed demes \(1\)"):
        Settings(colonies=2)
