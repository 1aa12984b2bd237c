"""What is told on a terminal, and might as well be kept quiet."""

from pathlib import Path

import pytest
from project_support import ProjectUnderTest

_KEEPER = "compiling the keeper, once for this user"
_DEAF = """
import time

def deaf(event):
    time.sleep(600)
"""


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a user who has never compiled a keeper."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_events_that_a_hook_has_not_got_are_told_at_the_end(calm: ProjectUnderTest) -> None:
    """It holds the end of a run for the few seconds of a sender's grace, not for ever."""
    (calm.root / "mine.py").write_text(_DEAF)
    toml = calm.root / "evolve.toml"
    toml.write_text(toml.read_text().replace("[hooks]", '[hooks]\n"cycle" = ["mine:deaf"]'))
    said = calm.live(2)
    assert "not told: hook mine:deaf: 2 events not delivered (2 cycle)" in said.err


@pytest.mark.parametrize("command", [("life-cycle", "--cycles", 1), ("build",), ("exam",)], ids=str)
def test_command_that_compiles_the_keeper_says_so(
    calm: ProjectUnderTest, command: tuple[object, ...], empty_cache: Path
) -> None:
    (calm.root / "workspace" / "keeper").rename(calm.root / "workspace" / "kept")
    assert _KEEPER in calm.evolve(*command).err
    assert _KEEPER not in calm.evolve(*command).err
    assert list(empty_cache.glob("evolve/keeper/*/evolve-keeper"))


def test_command_that_answers_in_json_says_nothing_of_the_keeper(
    calm: ProjectUnderTest, empty_cache: Path
) -> None:
    (calm.root / "workspace" / "keeper").rename(calm.root / "workspace" / "kept")
    said = calm.evolve("build", "--json")
    assert said.json
    assert _KEEPER not in said.out + said.err
