"""Many small agents at once: what a colony costs, and that it leaves nothing behind."""

import time
from pathlib import Path

import pytest
from fake_colony import AGENT_BOX, FAKE_AGENTS, no_world, start_of
from made_once import rust_program

from evolve_ai.colony.colony import Colony
from evolve_ai.model.report import Program
from evolve_ai.model.world import Percept

AGENTS = 300
TICKS = 20


@pytest.fixture(scope="session")
def echo() -> Program:
    return Program(rust_program(FAKE_AGENTS / "echo.rs", "-O", "-C", "panic=abort"))


def test_hundreds_of_agents_answer_every_tick(tmp_path: Path, nothing_left, echo, keeper):
    ids = [f"{number:04}" for number in range(AGENTS)]
    with Colony(tmp_path / "workspace", keeper, no_world, epoch=3, box=AGENT_BOX) as colony:
        colony.start([start_of(tmp_path, id, echo) for id in ids])
        assert sorted(colony.running()) == ids
        begun = time.monotonic()
        for tick in range(TICKS):
            steps = tuple(float(tick + number) for number in range(1 + tick * 4))
            percepts = {id: Percept(steps, (None, 0.5), 9) for id in ids}
            exchange = colony.exchange(percepts, tick=tick, cycle=1)
            assert len(exchange.acts) == AGENTS
            assert (exchange.faults, exchange.tainted) == ({}, ())
        # Five times what it takes on a quiet machine.
        assert time.monotonic() - begun < TICKS * AGENTS * 0.1e-3 * 5
        farewells = colony.stop(ids)
        assert {farewell.reason for farewell in farewells.values()} == {None}
    assert list((tmp_path / "workspace" / "pipes").iterdir()) == []
