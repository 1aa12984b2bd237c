"""What machines and clocks do to a colony of real processes."""

import errno
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Cause
from evolve_ai.model.colony import Refused, Started
from evolve_ai.system.identity import identify

NOBODY_ELSE = 54321  # a user who has no other process


def test_agent_that_was_never_greeted_is_not_taken_over(
    tmp_path: Path, nothing_left: None, keeper: Path
) -> None:
    """A kill came between its start and its hello: what that was to say, nobody knows any more."""
    start = start_of(tmp_path, "a", fake("well_behaved"), note="one")
    first = Colony(tmp_path / "colony", keeper, no_world, epoch=5, box=FAKE_BOX, limits=QUICK)
    first.settle("cycle 1", [], [start], remember=True)
    ungreeted = identify(first.running()["a"])
    assert ungreeted is not None
    first.order_log.open("as if nobody had been greeted yet")
    first.detach()
    with Colony(
        tmp_path / "colony", keeper, no_world, epoch=6, box=FAKE_BOX, limits=QUICK
    ) as second:
        second.adopt({"a": start}, {})
        assert second.running() == {}
        assert not ungreeted.lives()
        settled = second.settle("cycle 1", [], [replace(start, state=b"9.")], remember=True)
        assert isinstance(settled.outcomes["a"], Started)
        assert second.stop(["a"])["a"].state == b"9.0."


def test_agent_that_left_before_a_kill_and_whose_memory_nobody_has_is_told_of(
    tmp_path: Path, nothing_left: None, keeper: Path
) -> None:
    start = start_of(tmp_path, "a", fake("well_behaved"), note="one")
    first = Colony(tmp_path / "colony", keeper, no_world, epoch=5, box=FAKE_BOX, limits=QUICK)
    first.settle("cycle 1", [], [start], remember=True)
    expected = dict(first.running())
    first.kill(["a"])  # which writes of it what a stop does, before anybody could say bye
    first.detach()
    with Colony(
        tmp_path / "colony", keeper, no_world, epoch=6, box=FAKE_BOX, limits=QUICK
    ) as second:
        second.adopt({"a": start}, expected)
        settled = second.settle("cycle 1", [], [start], remember=True)
        assert settled.farewells["a"].state is None
        assert "before its memory was on record" in str(settled.farewells["a"].reason)


def test_strangers_in_a_forged_journal_are_never_signalled(
    tmp_path: Path, nothing_left: None, keeper: Path
) -> None:
    known = {name: start_of(tmp_path, name, fake("well_behaved")) for name in "ab"}
    with subprocess.Popen(["/bin/sleep", "600"]) as stranger:
        try:
            found = identify(stranger.pid)
            assert found is not None
            first = Colony(
                tmp_path / "colony", keeper, no_world, epoch=5, box=FAKE_BOX, limits=QUICK
            )
            first.start([known["a"]])
            first.detach()
            with (tmp_path / "colony" / "journal").open("a") as journal:
                for id in ("b", "unknown"):
                    journal.write(f"S {id} one:0 {found.pid} {found.start_time}\n")
                journal.write(f"S b one:0 {found.pid} {found.start_time - 1}\n")
            with Colony(
                tmp_path / "colony", keeper, no_world, epoch=6, box=FAKE_BOX, limits=QUICK
            ) as second:
                second.adopt(known, {"b": found.pid})
                assert list(second.running()) == ["a"]
                assert second.reap()["b"].cause is Cause.UNKNOWN
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.fixture
def crowded(tmp_path: Path, keeper: Path) -> Iterator[Path]:
    """A keeper, of three threads, as an ordinary user who may have three more processes."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, whom RLIMIT_NPROC binds")
    program = tmp_path / "crowded" / keeper.name
    program.parent.mkdir()
    # The right to reach into the folders of root's is kept; it lifts no limit.
    program.write_text(
        f"#!/bin/sh\nexec setpriv --reuid={NOBODY_ELSE} --clear-groups "
        "--inh-caps=-all,+dac_override,+dac_read_search "
        "--ambient-caps=-all,+dac_override,+dac_read_search "
        f'prlimit --nproc=6:6 {keeper} "$@"\n'
    )
    program.chmod(0o755)
    yield program


def test_fork_that_is_refused_costs_nobody_a_life_and_is_tried_again(
    tmp_path: Path, nothing_left: None, crowded: Path
) -> None:
    starts = [start_of(tmp_path, f"a{n}", fake("well_behaved")) for n in range(6)]
    # Without the privileges that a box takes, this user would not find Python.
    with Colony(tmp_path / "colony", crowded, no_world, epoch=5, box=None, limits=QUICK) as colony:
        outcome = colony.start(starts)
        refused = [start for start in starts if isinstance(outcome[start.id], Refused)]
        assert len(colony.running()) == 3
        assert len(refused) == 3
        for start in refused:
            assert "ulimit -u" in str(outcome[start.id])
            assert os.strerror(errno.EAGAIN) in str(outcome[start.id])
        assert colony.ping() == {}
        colony.stop(list(colony.running())[:2])
        again = colony.start(refused[:2])
        assert all(isinstance(one, Started) for one in again.values())
