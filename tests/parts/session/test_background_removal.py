"""Tests of the removal in a process of its own: nobody waits, and nothing is lost with it."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
from project_support import wait_until

from evolve_ai.session import background_removal
from evolve_ai.session.background_removal import BackgroundRemoval
from evolve_ai.state.registry import Registry
from evolve_ai.system.removal import ASIDE


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    return tmp_path / "agents"


@pytest.fixture
def removal(agents: Path) -> Iterator[BackgroundRemoval]:
    agents.mkdir()
    removal = BackgroundRemoval(agents)
    yield removal
    removal.close()


class Knows:
    """A registry that knows the living and the dead."""

    def __init__(self, living: set[str], dead: set[str]):
        self.living, self.dead = living, dead

    def rows(self, columns: list[str]) -> list[tuple[str]]:
        return [(agent,) for agent in self.living]

    def knows(self, agent: str) -> bool:
        return agent in self.living | self.dead


def lay(agents: Path, *names: str) -> list[str]:
    for name in names:
        (agents / name / "src").mkdir(parents=True)
        (agents / name / "src" / "main.rs").touch()
    return list(names)


def names_in(folder: Path) -> set[str]:
    """All that lies there, but not what is kept aside."""
    return {path.name for path in folder.iterdir()} - {ASIDE}


def aside(agents: Path) -> set[str]:
    return names_in(agents / ASIDE) if (agents / ASIDE).exists() else set()


def stopped(removal: BackgroundRemoval) -> int:
    """Its process, at work no more until it is told to go on."""
    removal.remove(lay(removal._agents, "first"))
    removal.wait()
    assert removal._worker is not None
    os.kill(removal._worker.pid, signal.SIGSTOP)
    return removal._worker.pid


def test_folders_go_while_nobody_waits(agents: Path, removal: BackgroundRemoval) -> None:
    pid = stopped(removal)
    lay(agents, "living")
    removal.remove(lay(agents, "a", "b"))
    assert removal.waiting == 2
    assert names_in(agents) == {"living", "a", "b"}
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: names_in(agents) == {"living"}, "the end of the folders")
    removal.wait()
    assert removal.waiting == 0


def test_whoever_adds_too_many_waits(
    agents: Path, removal: BackgroundRemoval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_removal, "MOST", 2)
    pid = stopped(removal)
    removal.remove(lay(agents, "a", "b"))
    begun, over = threading.Event(), threading.Event()

    def add() -> None:
        begun.set()
        removal.remove(lay(agents, "c"))
        over.set()

    adding = threading.Thread(target=add)
    adding.start()
    assert begun.wait(30)
    wait_until(lambda: removal.waiting == 3, "a third one")
    assert not over.wait(0.2)
    os.kill(pid, signal.SIGCONT)
    adding.join(30)
    assert over.is_set()
    assert removal.waiting <= 2


def lose(removal: BackgroundRemoval, monkeypatch: pytest.MonkeyPatch) -> None:
    os.kill(stopped(removal), signal.SIGKILL)


def be_stuck(removal: BackgroundRemoval, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(removal)
    monkeypatch.setattr(background_removal, "_SILENCE", 0.1)


def have_none(removal: BackgroundRemoval, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(context: Any) -> Any:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(background_removal, "WorkerProcess", refuse)


@pytest.mark.parametrize("accident", [lose, be_stuck, have_none])
def test_what_its_process_cannot_do_is_done_here(
    agents: Path,
    removal: BackgroundRemoval,
    monkeypatch: pytest.MonkeyPatch,
    accident: Callable[[BackgroundRemoval, pytest.MonkeyPatch], None],
) -> None:
    accident(removal, monkeypatch)
    removal.remove(lay(agents, "a", "b"))
    removal.wait()
    assert not names_in(agents)
    monkeypatch.undo()
    removal.remove(lay(agents, "c"))
    removal.wait()
    assert not names_in(agents), "by another process"
    assert removal._worker is not None


def test_an_end_waits_for_a_while_and_leaves_the_rest_to_the_next_run(
    agents: Path, removal: BackgroundRemoval
) -> None:
    pid = stopped(removal)
    removal.remove(lay(agents, "a", "b"))
    removal.finish(0.1)
    assert names_in(agents) == {"a", "b"}
    removal.close()
    wait_until(lambda: not psutil.pid_exists(pid), "the end of its process")
    lay(agents, "living", "unknown")
    lay(agents / ASIDE, "killed-in-between")
    known = cast(Registry, Knows({"living"}, {"a", "b"}))
    removal.go_on(known)
    removal.finish()
    assert names_in(agents) == {"living", "unknown"}
    assert not (agents / ASIDE).exists()


def test_the_rest_of_an_earlier_run_is_removed_even_if_nobody_else_is_dead(
    agents: Path, removal: BackgroundRemoval
) -> None:
    lay(agents, "living")
    lay(agents / ASIDE, "killed-in-between")
    removal.go_on(cast(Registry, Knows({"living"}, set())))
    removal.finish()
    assert {path.name for path in agents.iterdir()} == {"living"}


def test_without_the_dead_there_is_no_process(agents: Path, removal: BackgroundRemoval) -> None:
    removal.remove([])
    removal.go_on(cast(Registry, Knows(set(), set())))
    removal.finish()
    assert removal._worker is None


def test_folders_of_the_latest_dead_are_kept_aside_for_whoever_takes_them(
    agents: Path, removal: BackgroundRemoval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_removal, "_SPARE", 2)
    removal.remove(lay(agents, "a", "b", "c"))
    removal.wait()
    assert aside(agents) == {"a", "b", "c"}, "as many as have died"
    assert removal.take(2) == ("a", "b")
    removal.remove(lay(agents, "d"))
    removal.wait()
    assert aside(agents) == {"c", "d"}, "what was taken and not used is removed"
    assert removal.holds
    assert removal.take(9) == ("c", "d")
    assert removal.take(9) == ()


def test_nobody_gets_a_folder_that_is_not_aside_yet(
    agents: Path, removal: BackgroundRemoval
) -> None:
    pid = stopped(removal)
    removal.remove(lay(agents, "a"))
    assert removal.take(9) == ("first",)
    os.kill(pid, signal.SIGCONT)
    removal.wait()
    assert removal.take(9) == ("a",)


def test_nothing_is_kept_when_room_is_short_or_at_the_end(
    agents: Path, removal: BackgroundRemoval
) -> None:
    removal.remove(lay(agents, "a", "b"))
    removal.remove_all()
    assert not removal.holds
    assert not list(agents.iterdir())
    removal.remove(lay(agents, "c"))
    removal.finish()
    assert not list(agents.iterdir())
