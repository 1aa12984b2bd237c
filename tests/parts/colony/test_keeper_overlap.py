"""Starts that are under way at the same time: what the journal says, and what a client hears."""

import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from keeper_support import Nursery, ends, eventually, told

from evolve_ai.colony import journal
from evolve_ai.colony.keeper import Compacted, Ended, Keeper, ProcessRefused, ProcessStarted
from evolve_ai.system.exits import Exit

O_NOATIME = os.O_NOATIME


@pytest.fixture
def opened(nursery: Nursery) -> Keeper:
    return nursery.open()


@pytest.fixture
def held(nursery: Nursery, opened: Keeper) -> Iterator[int]:
    """The journal, to which nobody can write: so starts come no further than to their line."""
    handle = os.open(nursery.folder / journal.NAME, os.O_RDWR)
    fcntl.lockf(handle, fcntl.LOCK_EX)
    yield handle
    os.close(handle)


def children(keeper: Keeper) -> list[str]:
    tasks = Path(f"/proc/{keeper.identity.pid}/task").glob("*/children")
    return [child for task in tasks for child in task.read_text().split()]


def test_two_are_started_at_the_same_time(nursery: Nursery, opened: Keeper, held: int) -> None:
    for number in range(3):
        opened.spawn(nursery.launch(f"a{number}"))
    opened.flush()
    assert eventually(lambda: len(children(opened)) == 2)
    assert not nursery.journal.lives
    fcntl.lockf(held, fcntl.LOCK_UN)
    assert len(told(opened, 3)) == 3
    assert nursery.journal.lives.keys() == {"a0", "a1", "a2"}


def test_next_client_is_welcomed_when_all_that_was_requested_is_on_record(
    nursery: Nursery, opened: Keeper, held: int
) -> None:
    """Otherwise it would request again what is being started."""
    for number in range(20):
        opened.spawn(nursery.launch(f"a{number}"))
    opened.flush()
    assert eventually(lambda: len(children(opened)) == 2)
    opened.close()
    others: list[Keeper] = []
    opening = threading.Thread(target=lambda: others.append(nursery.open()))
    opening.start()
    opening.join(0.2)
    assert not others
    fcntl.lockf(held, fcntl.LOCK_UN)
    opening.join()
    assert others[0].identity == opened.identity
    assert len(nursery.journal.lives) == 20
    assert nursery.living() == {life.identity for life in nursery.journal.lives.values()}
    serial = others[0].spawn(nursery.launch("b"))
    [heard] = told(others[0], 1)
    assert isinstance(heard, ProcessStarted) and heard.serial == serial


def test_killed_keeper_leaves_nobody_who_is_not_on_record(
    nursery: Nursery, opened: Keeper, held: int
) -> None:
    for number in range(5):
        opened.spawn(nursery.launch(f"a{number}"))
    opened.flush()
    assert eventually(lambda: len(children(opened)) == 2)
    os.kill(opened.identity.pid, signal.SIGKILL)
    assert eventually(lambda: not nursery.living())
    fcntl.lockf(held, fcntl.LOCK_UN)
    assert not nursery.journal.lives


def test_compaction_waits_for_starts_that_are_under_way(
    nursery: Nursery, opened: Keeper, held: int
) -> None:
    for number in range(5):
        opened.spawn(nursery.launch(f"a{number}"))
    opened.compact((nursery.folder / journal.NAME).stat().st_size)
    opened.flush()
    assert eventually(lambda: len(children(opened)) == 2)
    fcntl.lockf(held, fcntl.LOCK_UN)
    assert Compacted(0) in told(opened, 6)
    assert len(nursery.journal.lives) == 5


def test_who_ends_at_once_is_told_of_as_started_and_then_as_ended(
    nursery: Nursery, opened: Keeper
) -> None:
    serials = {opened.spawn(nursery.shell(f"a{n}", f"exit {n}")): f"a{n}" for n in range(100)}
    heard = told(opened, 200, 30)
    who = {one.identity: serials[one.serial] for one in heard if isinstance(one, ProcessStarted)}
    assert len(who) == 100
    assert all(who[one.identity] == one.id for one in ends(heard))
    assert {one.id: one.exit for one in ends(heard)} == {f"a{n}": Exit(code=n) for n in range(100)}
    seen = set()
    for one in heard:
        assert not isinstance(one, Ended) or one.identity in seen
        seen |= {one.identity} if isinstance(one, ProcessStarted) else set()
    lives = nursery.journal.lives
    assert {id: life.exit for id, life in lives.items()} == {
        one.id: one.exit for one in ends(heard)
    }


def test_start_that_fails_among_others_is_the_one_that_is_refused(
    nursery: Nursery, opened: Keeper
) -> None:
    failing = set()
    for number in range(40):
        launch = nursery.launch(f"a{number}")
        if number % 3 == 0:
            Path(launch.in_path).unlink()
        serial = opened.spawn(launch)
        if number % 3 == 0:
            failing.add(serial)
    heard = told(opened, 40)
    assert {one.serial for one in heard if isinstance(one, ProcessRefused)} == failing
    assert len(nursery.living()) == 40 - len(failing)


def test_reading_frames_writes_no_time_to_the_disk(nursery: Nursery, opened: Keeper) -> None:
    opened.spawn(nursery.launch("a"))
    [started] = told(opened, 1)
    assert isinstance(started, ProcessStarted)
    for number in (3, 4):
        told_of = Path(f"/proc/{started.identity.pid}/fdinfo/{number}").read_text().split()
        flags = int(told_of[told_of.index("flags:") + 1], 8)
        assert flags & O_NOATIME and not flags & os.O_NONBLOCK
