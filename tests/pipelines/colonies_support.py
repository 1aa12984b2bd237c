"""A population in several colonies, and who has one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

from evolve_ai.system.lock import holder

COUNT = 18
DEMES = ("--set", "demes=4")
TWO = (*DEMES, "--set", "colonies=2")

Copy = Callable[..., ProjectUnderTest]


def colony_pid(project: ProjectUnderTest, number: int) -> int:
    """Of the process that has a colony; 0 when there is none."""
    held = holder(project.root / "workspace" / f"colony-{number}")
    return held.identity.pid if held else 0


@pytest.fixture(scope="module")
def founded(lasting: Copy) -> Path:
    project = lasting(mutation_rate=1.0)
    project.evolve("init", COUNT)
    return project.root
