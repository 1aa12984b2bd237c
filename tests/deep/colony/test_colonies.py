"""Several colonies: one history, as in one colony."""

import time
from pathlib import Path

import pytest
from colonies_support import DEMES, TWO, Copy, founded
from project_support import wait_until

__all__ = ["founded"]

CYCLES = 5


@pytest.fixture(scope="module")
def history(founded: Path, lasting: Copy) -> dict[int, str]:
    """The digests of four demes in one colony."""
    project = lasting(founded)
    try:
        project.live(CYCLES, *DEMES)
        assert (project.root / "workspace" / "colony").is_dir()
        assert project.status()["tainted"] is None
        return project.chain()
    finally:
        assert not project.clean_up()


@pytest.mark.parametrize("colonies", [2, 4])
def test_history_does_not_depend_on_the_number_of_colonies(
    colonies: int, founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(CYCLES, *DEMES, "--set", f"colonies={colonies}")
    assert project.chain() == history
    assert project.status()["tainted"] is None
    found = {path.name for path in (project.root / "workspace").glob("colony*")}
    assert found == {f"colony-{number}" for number in range(colonies)}


def test_number_of_colonies_may_change_between_two_runs(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(2, *DEMES)
    project.live(1, *DEMES, "--set", "colonies=3")
    project.live(CYCLES - 3, *TWO)
    assert project.chain() == history
    assert project.status()["tainted"] is None
    found = {path.name for path in (project.root / "workspace").glob("colony*")}
    assert found == {"colony-0", "colony-1"}


def test_who_lives_in_colonies_of_another_number_goes_home_first(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    running = project.start("life-cycle", *TWO, "--set", "cycle.sleep=600")
    wait_until(lambda: project.events("cycle"), "a cycle")
    time.sleep(0.5)
    running.kill()
    running.communicate()
    assert project.agent_pids()
    project.live(1, *DEMES, "--set", "colonies=4")
    project.live(CYCLES - 2, *DEMES)
    assert project.chain() == history
    assert project.status()["tainted"] is None
    assert [path.name for path in (project.root / "workspace").glob("colony*")] == ["colony"]


def test_demes_are_worlds_of_their_own(
    founded: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(founded)
    project.live(1)
    assert project.chain()[1] != history[1]
