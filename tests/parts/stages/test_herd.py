"""Hundreds of real processes that exit at once, and how they come back."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from fake_colony import FAKE_BOX
from stages_support import Population

from evolve_ai.colony.colony import Colony
from evolve_ai.model.agent import State
from evolve_ai.model.report import Program
from evolve_ai.model.restart import CRASH_RESTARTS_A_UNIT, Pace
from evolve_ai.stages.supervise import failed, run

HERD = 1000
NO_WORLD = cast(Any, None)


def test_crowd_that_exits_at_once_is_no_herd(
    tmp_path: Path, nothing_left: None, keeper: Path
) -> None:
    """Hundreds crash together, and no more than a hundred start again in any second."""
    one = Population.of(tmp_path / "project", 1)
    founder = next(iter(one.agents.values()))
    ids = [f"{number:04}" for number in range(HERD)]
    agents = {
        id: replace(founder, id=id, place=place, state=State.EMBRYO, fingerprint="false")
        for place, id in enumerate(ids)
    }
    for id in ids:
        one.context.project.agent(id).mkdir(parents=True)
    programs = {"false": Program(Path("/bin/false"))}
    now = [1000.0]
    context = replace(one.context, clock=lambda: now[0])
    pace = Pace()
    begun: list[int] = []
    with Colony(tmp_path / "colony", keeper, NO_WORLD, epoch=5, box=FAKE_BOX) as colony:
        for moment in range(8):
            now[0] = 1000.0 + moment / 2
            ran = run(context, agents, programs, colony, {}, lambda _: b"g", pace)
            agents, pace = dict(ran.agents), ran.pace
            begun.append(sum(event.kind in ("start", "restart") for event in ran.events))
            while colony.running():
                for id, fault in colony.reap().items():
                    agents[id], _ = failed(context, agents[id], fault)
            for id, fault in colony.reap().items():
                agents[id], _ = failed(context, agents[id], fault)
    assert begun[0] == HERD, "first starts are exempt"
    assert sum(begun[1:]) > 100
    for second in pairwise(begun[1:]):
        assert sum(second) <= CRASH_RESTARTS_A_UNIT
    assert {record.cause for record in agents.values()} == {"crash"}
