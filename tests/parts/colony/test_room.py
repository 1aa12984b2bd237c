"""The room of an agent: what it may write, how much memory it gets, where it stands."""

import resource
from pathlib import Path

import pytest
from fake_colony import FAKE_AGENTS, FAKE_BOX, QUICK, fake, no_world, start_of
from made_once import rust_program
from pydantic import ValidationError

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Exchange, Started
from evolve_ai.model.report import Program
from evolve_ai.model.settings import SuperviseSettings
from evolve_ai.model.world import Percept
from evolve_ai.system.exits import Room

MIB = 1024 * 1024
PERCEPT = Percept((1.0,), (None,), 1000)


def ask(colony: Colony, tick: int = 1) -> Exchange:
    return colony.exchange(dict.fromkeys(colony.running(), PERCEPT), tick=tick, cycle=1)


@pytest.fixture(scope="session")
def eater() -> Program:
    return Program(rust_program(FAKE_AGENTS / "eats_memory.rs", "-C", "panic=abort"))


def test_who_floods_its_log_is_ended_and_the_others_live_on(colony, raise_agents, tmp_path):
    raise_agents("floods_its_log", "well_behaved")
    exchange = ask(colony)
    fault = exchange.faults["a0-floods_its_log"]
    assert fault.cause is Cause.CRASH
    assert "SIGXFSZ (25), wrote more than 16777216 bytes to its log or a file" in fault.reason
    assert exchange.tainted == ()
    assert list(exchange.acts) == ["a1-well_behaved"]
    assert (tmp_path / "agents/a0-floods_its_log/agent.log").stat().st_size <= 16 * MIB


def test_log_that_an_earlier_life_filled_is_trimmed_before_the_next(colony, raise_agents, tmp_path):
    raise_agents("floods_its_log")
    ask(colony)
    start = start_of(tmp_path, "a0-floods_its_log", fake("prints_to_stdout"))
    [started] = colony.start([start]).values()
    assert isinstance(started, Started)
    assert len(ask(colony).acts) == 1
    assert (start.folder / "agent.log").stat().st_size < MIB


def test_who_eats_memory_is_out_of_memory_and_taints_nothing(tmp_path, nothing_left, eater, keeper):
    limit = 64 * MIB
    room = Room(memory_bytes=limit)
    with Colony(
        tmp_path / "w", keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK, room=room
    ) as colony:
        starts = [start_of(tmp_path, "x", eater), start_of(tmp_path, "y", fake("well_behaved"))]
        outcome = colony.start(starts)
        fault = outcome["x"]
        assert isinstance(fault, Fault)
        assert fault.cause is Cause.OOM
        assert fault.reason == (
            f"killed by SIGABRT (6), its memory is limited to {limit} bytes; "
            "last line of agent.log: memory allocation of 1048576 bytes failed"
        )
        assert colony.take_taints() == ()
        assert list(ask(colony).acts) == ["y"]


def test_running_agent_is_held_to_its_room_and_we_are_not(tmp_path, nothing_left, keeper):
    ours = resource.getrlimit(resource.RLIMIT_AS)
    room = Room.of(SuperviseSettings(log_bytes=2 * MIB, memory_bytes=99 * MIB, descriptors=40))
    with Colony(
        tmp_path, keeper, no_world, epoch=1, box=FAKE_BOX, limits=QUICK, room=room
    ) as colony:
        [started] = colony.start([start_of(tmp_path, "x", fake("well_behaved"))]).values()
        assert isinstance(started, Started)
        pid = started.pid
        assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (32 * MIB, 32 * MIB)
        assert resource.prlimit(pid, resource.RLIMIT_AS) == (99 * MIB, 99 * MIB)
        assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (40, 40)
        assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "1000\n"
        assert len(ask(colony).acts) == 1
    assert resource.getrlimit(resource.RLIMIT_AS) == ours


def test_room_follows_the_log_unless_files_have_a_size_of_their_own() -> None:
    assert Room.of(SuperviseSettings()) == Room(16 * MIB, 512 * MIB, 64)
    assert Room.of(SuperviseSettings(log_bytes=4 * MIB)).file_bytes == 64 * MIB
    assert Room.of(SuperviseSettings(file_bytes=5 * MIB)).file_bytes == 5 * MIB
    with pytest.raises(ValidationError, match="must be twice log_bytes"):
        SuperviseSettings(file_bytes=MIB)
