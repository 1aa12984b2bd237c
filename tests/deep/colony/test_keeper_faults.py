"""What befalls a keeper: it is killed, stopped, abandoned, lied to, short of disk."""

import errno
import os
import random
import resource
import signal
import subprocess
import time

import pytest
from keeper_support import Nursery, ends, eventually, hangs_up, told

from evolve_ai.colony.keeper import Compacted, KeeperError, ProcessRefused, ProcessStarted
from evolve_ai.system.exits import Exit


def test_agents_outlive_the_keeper_and_the_journal_names_them(nursery: Nursery):
    keeper = nursery.open()
    for number in range(5):
        keeper.spawn(nursery.launch(f"a{number}"))
    told(keeper, 5)
    os.kill(keeper.identity.pid, signal.SIGKILL)
    assert hangs_up(keeper)
    after = nursery.open()
    assert after.identity != keeper.identity
    assert {life.identity for life in nursery.journal.lives.values()} == nursery.living()
    after.compact(nursery.journal.end)
    assert told(after, 1) == [Compacted(0)]
    assert {life.identity for life in nursery.journal.lives.values()} == nursery.living()
    assert len(nursery.living()) == 5


@pytest.mark.parametrize("round", range(8))
def test_keeper_killed_while_it_spawns_leaves_nobody_off_the_record(nursery: Nursery, round: int):
    keeper = nursery.open()
    for number in range(100):
        keeper.spawn(nursery.launch(f"a{number}"))
    keeper.flush()
    time.sleep(random.Random(round).uniform(0, 0.2))
    os.kill(keeper.identity.pid, signal.SIGKILL)
    assert hangs_up(keeper)
    assert eventually(lambda: nursery.living() == _alive_on_record(nursery))
    nursery.open()
    assert nursery.living() == _alive_on_record(nursery)


def _alive_on_record(nursery: Nursery):
    found = nursery.journal
    assert not found.others
    return {life.identity for life in found.lives.values() if life.identity.lives()}


def test_ends_while_nobody_listens_are_in_the_journal(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.shell("a", "sleep 0.2; exit 5"))
    told(keeper, 1)
    keeper.close()
    assert eventually(lambda: nursery.journal.lives["a"].exit == Exit(code=5))
    after = nursery.open()
    assert after.identity == keeper.identity
    after.spawn(nursery.launch("b"))
    told(after, 1)


def test_client_that_vanishes_half_way_through_a_frame_costs_nothing(nursery: Nursery):
    keeper = nursery.open()
    os.write(keeper.handle, b"\xff\x00\x00\x00spa")
    keeper.close()
    after = nursery.open()
    assert after.identity == keeper.identity


def test_newer_client_takes_the_place_of_an_older_one(nursery: Nursery):
    older = nursery.open()
    newer = nursery.open()
    assert hangs_up(older)
    newer.spawn(nursery.launch("a"))
    told(newer, 1)


def test_second_keeper_of_a_folder_gives_up(nursery: Nursery):
    keeper = nursery.open()
    done = subprocess.run([nursery.program, nursery.folder, "9"], capture_output=True, timeout=10)
    assert done.returncode == 3
    keeper.spawn(nursery.launch("a"))
    told(keeper, 1)


def test_stopped_keeper_is_replaced_and_its_agents_live_on(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.launch("a"))
    (started,) = told(keeper, 1)
    assert isinstance(started, ProcessStarted)
    os.kill(keeper.identity.pid, signal.SIGSTOP)
    after = nursery.open(patience=0.5)
    assert after.identity != keeper.identity
    assert nursery.living() == {started.identity}
    assert not keeper.identity.lives()


def test_nobody_lives_without_a_record_when_the_disk_is_full(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.shell("a", "sleep 0.5; exit 6"))
    told(keeper, 1)
    # A disk with room for ten more bytes.
    size = (nursery.folder / "journal").stat().st_size
    resource.prlimit(keeper.identity.pid, resource.RLIMIT_FSIZE, (size + 10, -1))
    keeper.spawn(nursery.launch("b"))
    (refused,) = told(keeper, 1)
    assert isinstance(refused, ProcessRefused) and refused.errno in (errno.ENOSPC, errno.EFBIG)
    (ended,) = ends(told(keeper, 1))
    assert (ended.id, ended.exit) == ("a", Exit(code=6))
    assert nursery.journal.lives["a"].exit is None
    resource.prlimit(keeper.identity.pid, resource.RLIMIT_FSIZE, (-1, -1))
    assert eventually(lambda: nursery.journal.lives["a"].exit == Exit(code=6)), "it was kept"
    assert nursery.journal.damaged == 1, "half a line of b"
    assert nursery.living() == set()


def test_journal_of_another_boot_is_replaced(nursery: Nursery):
    nursery.folder.mkdir()
    (nursery.folder / "journal").write_bytes(b"evolve-keeper 1 other\nS a 1 5 50\n")
    nursery.open()
    assert nursery.journal.lives == {}
    assert nursery.journal.damaged == 0


def test_torn_journal_is_mended_before_the_next_line(nursery: Nursery):
    nursery.open().leave(5)
    with (nursery.folder / "journal").open("ab") as file:
        file.write(b"S a 1:0 5 5")
    keeper = nursery.open()
    keeper.spawn(nursery.launch("b"))
    told(keeper, 1)
    assert (set(nursery.journal.lives), nursery.journal.damaged) == ({"b"}, 1)


def test_rubbish_is_answered_by_hanging_up(nursery: Nursery):
    keeper = nursery.open()
    keeper.spawn(nursery.launch("a"))
    told(keeper, 1)
    draws = random.Random(4)
    for count in range(40):
        stranger = nursery.open()
        rubbish = draws.randbytes(draws.randrange(1, 3000))
        if count % 2:  # a frame that is whole, at least
            rubbish = len(rubbish).to_bytes(4, "little") + rubbish
        os.write(stranger.handle, rubbish)
        stranger.close()
    huge = nursery.open()
    os.write(huge.handle, (2**20 + 1).to_bytes(4, "little"))
    assert hangs_up(huge)
    after = nursery.open()
    assert after.identity == keeper.identity
    assert len(nursery.living()) == 1


def test_keeper_that_cannot_work_is_an_error_that_says_why(nursery: Nursery, tmp_path):
    (nursery.folder / "keeper.lock").mkdir(parents=True)
    with pytest.raises(KeeperError, match=r"ended with 1: evolve-keeper: Is a directory"):
        nursery.open()
    nursery.program = tmp_path / "none"
    with pytest.raises(KeeperError, match="cannot be started"):
        nursery.open()
