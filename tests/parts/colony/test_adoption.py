"""Colonies and keepers that are killed, and those that take over."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, QUICK, fake, no_world, start_of

from evolve_ai.colony.adoption import kept_in
from evolve_ai.colony.colony import Colony
from evolve_ai.colony.journal import read
from evolve_ai.model import frame
from evolve_ai.model.agent import Cause
from evolve_ai.model.colony import Adopted, Exchange, Start, Started
from evolve_ai.model.world import Percept
from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.leftovers import leftovers

PERCEPT = Percept((1.0,), (None,), 1000)
Open = Callable[..., Colony]


def ask(colony: Colony, tick: int) -> Exchange:
    return colony.exchange(dict.fromkeys(colony.running(), PERCEPT), tick=tick, cycle=1)


def answers(exchange: Exchange) -> dict[str, tuple[float, ...]]:
    assert not exchange.faults
    return {agent: act.answers for agent, act in exchange.acts.items()}


def pids(colony: Colony) -> dict[str, int]:
    return dict(colony.running())


def await_end(pid: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX":
                return
        except OSError:
            return
        time.sleep(0.005)
    pytest.fail(f"process {pid} has not ended")


def kill(keeper: Identity) -> None:
    os.kill(keeper.pid, signal.SIGKILL)
    await_end(keeper.pid)
    with suppress(ChildProcessError):  # the colony that hung up would have reaped it
        os.waitpid(keeper.pid, 0)


@pytest.fixture
def opened(tmp_path: Path, keeper: Path, nothing_left: None) -> Iterator[Open]:
    """Opens a colony, always in the same folder, one after the other; the last one is closed."""
    colonies: list[Colony] = []

    def open_next(**more: object) -> Colony:
        if colonies:
            colonies[-1].detach()
        epoch = 5 + len(colonies)
        colony = Colony(
            tmp_path / "colony", keeper, no_world, epoch=epoch, box=FAKE_BOX, limits=QUICK, **more
        )  # type: ignore[arg-type]
        colonies.append(colony)
        return colony

    yield open_next
    if colonies:
        colonies[-1].close()


def starts(folder: Path, *vices: str) -> list[Start]:
    return [start_of(folder, f"a{n}-{vice}", fake(vice)) for n, vice in enumerate(vices)]


def take_over(colony: Colony, known: list[Start], expected: dict[str, int]) -> Adopted:
    return colony.adopt({start.id: start for start in known}, expected)


def test_next_colony_goes_on_with_everybody(opened, tmp_path):
    known = starts(tmp_path, *["well_behaved"] * 5)
    first = opened()
    first.start(known)
    said = answers(ask(first, 1))
    before, keeper = pids(first), first.keeper
    second = opened()
    adopted = take_over(second, known, before)
    assert adopted.notes == dict.fromkeys(before, "-")
    assert (pids(second), second.keeper) == (before, keeper)
    assert answers(ask(second, 1)) == said  # the same tick is answered again
    assert len(ask(second, 2).acts) == 5
    assert second.take_taints() == ()


def test_answer_that_nobody_has_heard_is_given_again(opened, tmp_path):
    known = starts(tmp_path, "well_behaved")
    first = opened()
    first.start(known)
    ask(first, 1)
    # A percept goes out, and we are gone before the act comes in.
    resident = first._board.agents["a0-well_behaved"]
    resident.send(frame.PerceptEncoder(epoch=5, tick=2, cycle=1).frame(PERCEPT))
    time.sleep(0.1)
    second = opened()
    take_over(second, known, pids(first))
    assert len(ask(second, 2).acts) == 1


def test_how_agents_ended_while_nobody_looked_is_known(opened, tmp_path):
    known = starts(tmp_path, "well_behaved", "well_behaved", "acts_then_exits")
    first = opened()
    first.start(known)
    expected = pids(first)
    first.detach()
    os.kill(expected["a0-well_behaved"], signal.SIGSEGV)
    await_end(expected["a0-well_behaved"])
    second = opened()
    take_over(second, known, expected)
    faults = second.reap()
    assert faults["a0-well_behaved"].cause is Cause.CRASH
    assert faults["a0-well_behaved"].reason == "killed by SIGSEGV (11)"
    assert sorted(second.running()) == ["a1-well_behaved", "a2-acts_then_exits"]


def test_agent_that_waited_too_long_for_us_is_no_failure(opened, tmp_path):
    known = starts(tmp_path, "well_behaved")
    first = opened()
    first.start(known)
    expected = pids(first)
    first.detach()
    os.kill(expected["a0-well_behaved"], signal.SIGALRM)
    await_end(expected["a0-well_behaved"])
    second = opened()
    take_over(second, known, expected)
    assert second.reap()["a0-well_behaved"].cause is Cause.PLANNED
    assert "had received nothing" in second.take_taints()[0]


def test_who_was_asked_to_leave_has_not_failed_and_its_memory_is_known(opened, tmp_path):
    known = starts(tmp_path, "well_behaved", "well_behaved")
    first = opened()
    first.start(known)
    expected = pids(first)
    first.stop(["a0-well_behaved"])
    second = opened()
    adopted = take_over(second, known, expected)
    assert second.reap() == {}
    assert adopted.byes == {"a0-well_behaved": b"0."}
    assert adopted.left == {expected["a0-well_behaved"]}


def test_who_is_not_known_any_more_is_ended(opened, tmp_path):
    known = starts(tmp_path, "well_behaved", "well_behaved")
    first = opened()
    first.start(known)
    stranger = pids(first)["a1-well_behaved"]
    second = opened()
    take_over(second, known[:1], {})
    assert list(second.running()) == ["a0-well_behaved"]
    await_end(stranger)


def test_agents_outlive_their_keeper(opened, tmp_path):
    known = starts(tmp_path, *["well_behaved"] * 3)
    colony = opened()
    colony.start(known)
    before, keeper = pids(colony), colony.keeper
    ask(colony, 1)
    kill(keeper)
    assert len(ask(colony, 2).acts) == 3
    assert pids(colony) == before
    assert colony.keeper != keeper
    newcomer = start_of(tmp_path, "late", fake("well_behaved"))
    assert isinstance(colony.start([newcomer])["late"], Started)
    assert len(ask(colony, 3).acts) == 4
    farewells = colony.stop(list(before))
    assert {(bye.state, bye.reason) for bye in farewells.values()} == {(b"3.", None)}


def test_death_after_that_of_the_keeper_has_an_unknown_cause(opened, tmp_path):
    known = starts(tmp_path, *["well_behaved"] * 2)
    colony = opened()
    colony.start(known)
    kill(colony.keeper)
    ask(colony, 1)
    os.kill(pids(colony)["a0-well_behaved"], signal.SIGSEGV)
    exchange = ask(colony, 2)
    while not exchange.faults:
        exchange = ask(colony, 3)
    assert exchange.faults["a0-well_behaved"].cause is Cause.UNKNOWN
    assert list(colony.running()) == ["a1-well_behaved"]


def test_keeper_and_colony_killed_together_cost_nobody_its_life(opened, tmp_path):
    known = starts(tmp_path, *["well_behaved"] * 3)
    first = opened()
    first.start(known)
    expected = pids(first)
    first.detach()
    kill(first.keeper)
    second = opened()
    take_over(second, known, expected)
    assert pids(second) == expected
    assert len(ask(second, 1).acts) == 3


def test_lost_journal_does_not_lose_the_agents_on_record(opened, tmp_path):
    known = starts(tmp_path, *["well_behaved"] * 2)
    for number, start in enumerate(known):  # as an agent does, they stand in their folders
        assert start.folder.name == f"a{number}-well_behaved"
    first = opened()
    first.start(known)
    expected = pids(first)
    first.detach()
    kill(first.keeper)
    (tmp_path / "colony" / "journal").unlink()
    second = opened()
    take_over(second, known, expected)
    # A fake agent is a shell that became a Python: it is not called agent-<id> any more.
    faults = second.reap()
    assert {fault.cause for fault in faults.values()} <= {Cause.UNKNOWN}
    for pid in expected.values():
        os.kill(pid, signal.SIGKILL)


def test_same_order_again_starts_nobody_twice(opened, tmp_path):
    known = [start_of(tmp_path, f"a{n}", fake("well_behaved"), note="one") for n in range(3)]
    first = opened()
    settled = first.settle("cycle 1", [], known, remember=True)
    assert all(isinstance(one, Started) for one in settled.outcomes.values())
    before = pids(first)
    second = opened()
    take_over(second, known, {})
    again = second.settle("cycle 1", [], known, remember=True)
    assert {agent: one.pid for agent, one in again.outcomes.items()} == before


def test_memory_survives_a_kill_between_goodbye_and_restart(opened, tmp_path):
    old = start_of(tmp_path, "a", fake("well_behaved"), note="one")
    new = start_of(tmp_path, "a", fake("well_behaved"), note="two")
    first = opened()
    first.settle("cycle 1", [], [old], remember=True)
    ask(first, 7)
    expected = pids(first)
    first.order_log.open("cycle 2")
    first.stop(["a"])
    second = opened()
    take_over(second, [old], expected)
    assert second.reap() == {}
    settled = second.settle("cycle 2", [], [new], remember=True)
    assert settled.farewells["a"].state == b"1."
    assert second.stop(["a"])["a"].state == b"1.0."


def test_half_a_frame_left_in_the_pipe_is_skipped(opened, tmp_path):
    known = starts(tmp_path, "well_behaved")
    first = opened()
    first.start(known)
    resident = first._board.agents["a0-well_behaved"]
    resident.send(frame.PerceptEncoder(epoch=5, tick=2, cycle=1).frame(PERCEPT))
    time.sleep(0.1)
    os.read(resident.pipes.outward, 11)  # and a kill comes before the rest is read
    second = opened()
    take_over(second, known, pids(first))
    assert second.reap() == {}
    assert len(ask(second, 3).acts) == 1


@pytest.mark.parametrize("known", [True, False])
def test_stranger_in_a_forged_journal_is_left_alone(opened, tmp_path, known):
    start = start_of(tmp_path, "a", fake("well_behaved"))
    first = opened()
    first.start([start])
    expected = pids(first)
    first.stop(["a"])
    first.detach()
    stranger = subprocess.Popen(["sleep", "60"], cwd="/")
    try:
        found = identify(stranger.pid)
        with (tmp_path / "colony" / "journal").open("a") as journal:
            journal.write(f"S {'a' if known else 'b'} - {found.pid} {found.start_time}\n")
        second = opened()
        take_over(second, [start], expected)
        assert second.running() == {}
        second.reap()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_agent_that_has_gone_elsewhere_is_known_by_its_keeper_and_a_stranger_is_not(
    opened, tmp_path
):
    home = fake("well_behaved")
    elsewhere = replace(home, arguments=("-c", f"cd / && {home.arguments[1]}"))
    colony = opened()
    colony.start([start_of(tmp_path, "a1", elsewhere), start_of(tmp_path, "a2", elsewhere)])
    folder = tmp_path / "colony"
    [found] = kept_in(folder, ["a1", "nobody"])
    assert found.pid == colony.running()["a1"]
    assert not list(leftovers(tmp_path / "agents")), "by their folder they are not found"
    colony.stop(["a1"])
    assert not list(kept_in(folder, ["a1"])), "it has ended"
    stranger = identify(os.getpid())
    with (folder / "journal").open("a") as journal:
        journal.write(f"S a1 - {stranger.pid} {stranger.start_time}\n")
    assert read(folder / "journal").lives["a1"].identity == stranger
    assert not list(kept_in(folder, ["a1"])), "an agent can write there"
