"""A colony in a process of its own: what it is told, and what becomes of it when that is killed."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest
from fake_colony import fake, start_of
from project_support import wait_until

from evolve_ai.colony import watchdog
from evolve_ai.colony.colonies import Colonies
from evolve_ai.colony.colony_member import ColonyProcess, Roster
from evolve_ai.colony.colony_process import ColonySpec
from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.contracts.environment import World
from evolve_ai.environments.solitary import SolitaryWorld
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Change, Order, Start, Started
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.report import Needs
from evolve_ai.model.sandbox import Level
from evolve_ai.model.settings import EconomySettings, Settings
from evolve_ai.model.world import Resident
from evolve_ai.system.listing import is_stopped
from evolve_ai.system.project import Project

TWO = ColonyLayout(demes=2, colonies=2)
NO_BOX = Sandbox(Level.NONE)  # a fake agent begins as a shell, and becomes another program


def solitary(project: Project) -> World:
    return SolitaryWorld(EconomySettings(), Draws(1))


class Deadly(SolitaryWorld):
    """A world in which nobody can live, not even a colony."""

    def open(self, places: int) -> NoReturn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def deadly(project: Project) -> World:
    return Deadly(EconomySettings(), Draws(1))


class Pair:
    """Two colonies with their members, and what is on record of their agents."""

    def __init__(self, folder: Path, keeper: Path, world_of: Callable[[Project], World]):
        patience = {"stop_grace": 1.0, "cpu_deadline": 5.0, "wall_deadline": 30.0}
        project = Project(folder, Settings.model_validate({"supervise": patience}))
        self.folder = folder
        self.known: dict[str, Start] = {}
        self.expected: Mapping[str, int] = {}
        self.epoch = 1
        self.members = [
            ColonyProcess(
                ColonySpec(
                    project,
                    folder / f"colony-{n}",
                    keeper,
                    epoch=1,
                    demes=2,
                    ours=TWO.demes_of(n),
                    world_of=world_of,
                    sandbox=NO_BOX,
                    needs=Needs(memory_bytes=0, descriptors=0),
                ),
                lambda n=n: self.roll(n),
            )
            for n in (0, 1)
        ]
        self.colonies = Colonies(TWO, self.members)

    def roll(self, number: int) -> Roster:
        self.epoch += 1
        known = {a: s for a, s in self.known.items() if TWO.colony_of(s.place) == number}
        return Roster(self.epoch, known, {a: p for a, p in self.expected.items() if a in known})

    def start(self, *vices: str) -> list[str]:
        starts = [
            start_of(self.folder, f"a{n}-{vice}", fake(vice), place=n)
            for n, vice in enumerate(vices)
        ]
        settled = self.colonies.settle("prelude 1", [], starts, remember=True)
        assert all(isinstance(one, Started) for one in settled.outcomes.values())
        self.known = {start.id: start for start in starts}
        self.expected = self.colonies.running()
        return [start.id for start in starts]

    def order(self, ticks: int) -> Order:
        residents = [Resident(s.id, s.place, 1000, 1.0, -1, True) for s in self.known.values()]
        return Order(1, 0, ticks, len(residents), residents)


@pytest.fixture
def opened(tmp_path: Path, keeper: Path) -> Iterator[Callable[..., Pair]]:
    pairs: list[Pair] = []

    def open_pair(world_of: Callable[[Project], World] = solitary) -> Pair:
        pairs.append(Pair(tmp_path, keeper, world_of))
        return pairs[-1]

    yield open_pair
    for pair in pairs:
        with suppress(EvolveError):
            pair.colonies.close()


def test_season_is_lived_by_all_and_told_as_one(opened: Callable[..., Pair]) -> None:
    pair = opened()
    ids = pair.start(*["well_behaved"] * 5)
    turned = pair.colonies.turn(pair.order(3))
    assert turned.season.tick == 3
    assert turned.season.lived == dict.fromkeys(ids, 2)
    assert not turned.faults
    asked: list[Mapping[str, int]] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        asked.append(lived)
        return Change()

    pair.colonies.forget()
    pair.colonies.turn(pair.order(2), between)
    assert [set(lived.values()) for lived in asked] == [set(), {0}, {1}]


def test_a_death_is_heard_of_while_nobody_asks(opened: Callable[..., Pair]) -> None:
    pair = opened()
    ids = pair.start("well_behaved", "well_behaved")
    os.kill(pair.expected[ids[1]], signal.SIGKILL)
    faults: Mapping[str, Fault] = {}
    while not faults:  # its pipe breaks first, then the keeper tells how it ended
        ready, _, _ = select.select(pair.colonies.handles(), [], [], 5)
        assert ready == [pair.colonies.handles()[1]]
        faults = pair.colonies.reap()
    assert {agent: fault.cause for agent, fault in faults.items()} == {ids[1]: Cause.CRASH}


def test_process_that_is_killed_while_idle_is_replaced(opened: Callable[..., Pair]) -> None:
    pair = opened()
    pair.start(*["well_behaved"] * 4)
    handles = pair.colonies.handles()
    os.kill(pair.colonies.pids()[0], signal.SIGKILL)
    assert pair.colonies.running() == pair.expected
    assert pair.colonies.handles() == handles
    assert pair.colonies.turn(pair.order(2)).season.tick == 2


@pytest.fixture
def alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the watchdogs that are opened now, nobody waits long for."""
    monkeypatch.setattr(watchdog, "_LOOK_SECONDS", 0.05)


def stopped(pid: int) -> int:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: is_stopped(pid), "a stopped process")
    return pid


@pytest.mark.usefixtures("alert")
def test_process_that_was_stopped_is_replaced_whatever_it_is_to_do(
    opened: Callable[..., Pair],
) -> None:
    pair = opened()
    ids = pair.start(*["well_behaved"] * 4)
    first = stopped(pair.members[0].pid)
    assert pair.colonies.running() == pair.expected
    second = stopped(pair.members[0].pid)
    pair.colonies.stop(["nobody" * 10**6])  # more than a pipe takes
    third = stopped(pair.members[0].pid)
    turned = pair.colonies.turn(pair.order(3))
    assert turned.season.lived == dict.fromkeys(ids, 2)
    assert pair.colonies.running() == pair.expected
    assert len({first, second, third, pair.members[0].pid}) == 4
    assert not any(Path(f"/proc/{pid}").exists() for pid in (first, second, third))


@pytest.mark.usefixtures("alert")
def test_process_that_is_stopped_in_a_season_is_replaced_in_it(opened: Callable[..., Pair]) -> None:
    pair = opened()
    ids = pair.start(*["well_behaved"] * 4)
    pids: list[int] = []

    def between(lived: Mapping[str, int], faults: Mapping[str, Fault]) -> Change:
        if not pids:
            pids.append(stopped(pair.members[1].pid))
        return Change()

    turned = pair.colonies.turn(pair.order(3), between)
    assert turned.season.lived == dict.fromkeys(ids, 2)
    assert not turned.faults
    assert pair.members[1].pid not in pids


def test_process_that_goes_on_in_time_is_left_alone(opened: Callable[..., Pair]) -> None:
    pair = opened()
    pair.start("well_behaved", "well_behaved")
    pid = stopped(pair.members[0].pid)
    go_on = threading.Timer(1.5, os.kill, (pid, signal.SIGCONT))
    go_on.start()
    assert pair.colonies.running() == pair.expected
    go_on.join()
    assert pair.members[0].pid == pid


def test_memory_of_who_left_survives_a_kill_in_the_middle(opened: Callable[..., Pair]) -> None:
    pair = opened()
    ids = pair.start("well_behaved", "well_behaved", "ignores_stop")
    pair.colonies.turn(pair.order(2))
    member = pair.members[0]
    member.give("settle", None, [ids[0], ids[2]], [], remember=True)
    time.sleep(0.5)  # the first has left; the other one is given a second
    os.kill(member.pid, signal.SIGKILL)
    farewells = member.take().value.farewells
    assert farewells[ids[0]].state
    assert farewells.keys() == {ids[0], ids[2]}
    assert pair.colonies.running().keys() == {ids[1]}


def test_order_that_kills_again_and_again_is_given_up(opened: Callable[..., Pair]) -> None:
    pair = opened(deadly)
    pair.start("well_behaved", "well_behaved")
    with pytest.raises(EvolveError, match="'turn', as were 3 before it"):
        pair.colonies.turn(pair.order(2))
    assert pair.colonies.running() == pair.expected


def test_end_at_once_does_not_wait_for_a_busy_colony(opened: Callable[..., Pair]) -> None:
    pair = opened()
    pair.start("hangs_sleeping", "well_behaved")
    pair.members[0].give("turn", pair.order(1), False)
    time.sleep(0.2)
    begun = time.monotonic()
    pair.colonies.close()
    assert time.monotonic() - begun < 10
    assert not any(Path(f"/proc/{pid}").exists() for pid in pair.expected.values())
