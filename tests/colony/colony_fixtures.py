"""Colonies of fake agents; a test fails that leaves a process, a descriptor or a pipe behind."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of
from keeper_support import Nursery

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Fault
from evolve_ai.model.colony import Started


@pytest.fixture
def colony(tmp_path: Path, nothing_left: None, keeper: Path) -> Iterator[Colony]:
    with Colony(
        tmp_path / "colony", keeper, no_world, epoch=5, box=FAKE_BOX, limits=QUICK
    ) as colony:
        yield colony
    assert list((tmp_path / "colony" / "pipes").iterdir()) == []


Raise = Callable[..., Mapping[str, Started | Fault]]


@pytest.fixture
def raise_agents(colony: Colony, tmp_path: Path) -> Raise:
    """Starts one agent for each vice, named a0-<vice>, …, and returns what start() said."""

    def start(*vices: str, **more: object) -> Mapping[str, Started | Fault]:
        starts = [
            start_of(tmp_path, f"a{number}-{vice}", fake(vice), **more)
            for number, vice in enumerate(vices)
        ]
        return colony.start(starts)

    return start


@pytest.fixture
def nursery(tmp_path: Path, nothing_left: None, keeper: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path, keeper)
    try:
        yield nursery
    finally:
        nursery.close()
