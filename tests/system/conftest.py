"""Colonies of fake agents; a test fails that leaves a process, a descriptor or a pipe behind."""

import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fake_colony import QUICK, fake, start_of
from keeper_support import Nursery

from evolve_ai.model.agent import Fault
from evolve_ai.system.colony import Colony, Started
from evolve_ai.system.keeper_program import keeper_program


def held() -> set[tuple[str, str]]:
    """Descriptors and what they stand for; what earlier tests still close does not matter."""
    gc.collect()
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - the listing's own one is gone
        with suppress(FileNotFoundError):
            found.add((name, os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115
    return found


@pytest.fixture
def nothing_left() -> Iterator[None]:
    me = psutil.Process()
    before, children = held(), set(me.children(recursive=True))
    yield
    left = set(me.children(recursive=True)) - children
    for process in left:
        process.kill()
    assert not left, f"processes left behind: {left}"
    assert held() - before == set(), "descriptors left behind"


@pytest.fixture
def colony(tmp_path: Path, nothing_left: None) -> Iterator[Colony]:
    with Colony(tmp_path / "workspace", epoch=5, limits=QUICK) as colony:
        yield colony
    assert list((tmp_path / "workspace" / "pipes").iterdir()) == []


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


@pytest.fixture(scope="session")
def keeper_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return keeper_program(tmp_path_factory.mktemp("keeper"))


@pytest.fixture
def nursery(tmp_path: Path, nothing_left: None, keeper_build: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path, keeper_build)
    try:
        yield nursery
    finally:
        nursery.close()
