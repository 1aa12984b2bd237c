"""Deep tests kill and starve what users have: as many workers as there are cores."""

import pytest
from project_support import ProjectUnderTest


@pytest.fixture
def project(project: ProjectUnderTest) -> ProjectUnderTest:
    project.set(workers=0)
    return project


@pytest.fixture
def calm(calm: ProjectUnderTest) -> ProjectUnderTest:
    calm.set(workers=0)
    return calm
