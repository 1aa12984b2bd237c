"""A keeper killed while starts are in flight: everybody runs in the end, and nobody twice."""

import os
import signal
from collections import Counter

import pytest
from keeper_support import Nursery, eventually

from evolve_ai.colony.keeper import Ended
from evolve_ai.colony.spawner import Began, Failed, Replaced, Spawner, SpawnerEvent
from evolve_ai.system.exits import Exit

COUNT = 100


@pytest.fixture
def spawner(nursery: Nursery) -> Spawner:
    return nursery.spawner()


def heard(spawner: Spawner, count: int, kind: type[SpawnerEvent] = Began) -> list[SpawnerEvent]:
    """What is told until so many are of this kind."""
    told: list[SpawnerEvent] = []

    def enough() -> bool:
        spawner.flush()
        told.extend(spawner.hear())
        return sum(isinstance(one, kind) for one in told) >= count

    assert eventually(enough), f"heard only {[type(one).__name__ for one in told]}"
    return told


def begun(told: list[SpawnerEvent]) -> list[Began]:
    return [one for one in told if isinstance(one, Began)]


def kill_the_keeper(spawner: Spawner) -> None:
    os.kill(spawner.identity.pid, signal.SIGKILL)


@pytest.mark.parametrize("known", [0, 1, 50, 99, 100])
def test_hundred_in_flight_run_once_each_when_their_keeper_is_killed(
    nursery: Nursery, spawner: Spawner, known: int
) -> None:
    first = spawner.identity
    for number in range(COUNT):
        spawner.ask(nursery.launch(f"a{number}"))
    told = heard(spawner, known)
    kill_the_keeper(spawner)
    while not any(isinstance(one, Replaced) for one in told):
        told += spawner.hear()
    told += heard(spawner, COUNT - len(begun(told)))
    assert Counter(one.launch.id for one in begun(told)) == {f"a{n}": 1 for n in range(COUNT)}
    assert {one.identity for one in begun(told)} == nursery.living()
    assert [one.same for one in told if isinstance(one, Replaced)] == [False]
    assert not [one for one in told if isinstance(one, Failed | Ended)]
    assert spawner.identity != first


def test_two_keepers_killed_one_after_the_other_lose_nobody(
    nursery: Nursery, spawner: Spawner
) -> None:
    told: list[SpawnerEvent] = []
    for half in (range(50), range(50, 100)):
        for number in half:
            spawner.ask(nursery.launch(f"a{number}"))
        kill_the_keeper(spawner)
        told += heard(spawner, 1, Replaced)
    told += heard(spawner, COUNT - len(begun(told)))
    assert Counter(one.launch.id for one in begun(told)) == {f"a{n}": 1 for n in range(COUNT)}
    assert {one.identity for one in begun(told)} == nursery.living()


def test_who_ended_before_its_keeper_was_killed_is_told_of(
    nursery: Nursery, spawner: Spawner
) -> None:
    """In the journal, if not by word: the keeper may have had no time for that."""
    spawner.ask(nursery.shell("quick", "exit 7"))
    (one,) = begun(heard(spawner, 1))
    assert eventually(lambda: nursery.journal.lives["quick"].exit is not None)
    kill_the_keeper(spawner)
    told = heard(spawner, 1, Replaced)
    (replaced,) = (one for one in told if isinstance(one, Replaced))
    life = replaced.journal.lives["quick"]
    assert (life.identity, life.exit) == (one.identity, Exit(code=7))


def test_start_over_which_three_keepers_die_is_given_up(nursery: Nursery, spawner: Spawner) -> None:
    os.kill(spawner.identity.pid, signal.SIGSTOP)  # so that it never gets to it
    spawner.ask(nursery.launch("cursed"))
    told: list[SpawnerEvent] = []
    for _ in range(3):
        kill_the_keeper(spawner)
        count = len(told)
        while len(told) == count:
            for one in spawner.hear():
                told.append(one)
                if isinstance(one, Replaced):
                    os.kill(spawner.identity.pid, signal.SIGSTOP)
    assert [type(one) for one in told] == [Replaced] * 3 + [Failed]
    (failed,) = (one for one in told if isinstance(one, Failed))
    assert (failed.launch.id, failed.text) == ("cursed", "the keeper died over it")
    assert nursery.living() == set()
    os.kill(spawner.identity.pid, signal.SIGCONT)
    spawner.ask(nursery.launch("blessed"))
    assert [one.launch.id for one in begun(heard(spawner, 1))] == ["blessed"]
