"""In free mode the living are looked after in the middle of what takes its time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from project_support import ProjectUnderTest

from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.agent import Fault
from evolve_ai.model.draws import Draws
from evolve_ai.model.settings import Settings
from evolve_ai.modes.interleaving import Interleaving
from evolve_ai.modes.live_updates import LiveUpdates
from evolve_ai.stages.context import Context
from evolve_ai.stages.observe import LiveUpdate
from evolve_ai.system.project import Project

FREE = ("--set", "mode=free")
POLICY = """
import os, signal, sqlite3, time
from pathlib import Path
from evolve_ai.model.selection import Verdicts

REGISTRY = Path(__file__).parent / "workspace" / "registry.sqlite"

def kill_one(view, rng):
    "In cycle 3, of the first three, one is killed by a signal, one has a child, one dies."
    if view.cycle != 3:
        return Verdicts()
    victim, parent, doomed = (one.id for one in view.members[:3])
    connection = sqlite3.connect(REGISTRY)
    [(pid,)] = connection.execute("SELECT pid FROM agents WHERE id = ?", [victim])
    connection.close()
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)
    time.sleep(0.3)  # its keeper tells of it
    return Verdicts(((doomed, "lottery"),), ((parent,),))
"""


class Looks:
    """In the place of Renewals: each look finds somebody else changed."""

    def __init__(self) -> None:
        self.told: list[tuple[Context, Mapping[str, int]]] = []

    def look(
        self, context: Context, lived: Mapping[str, int], faults: Mapping[str, Fault]
    ) -> LiveUpdate:
        self.told.append((context, lived))
        return LiveUpdate(cast(Any, {f"agent {len(self.told)}": None}))


def context_in(folder: Path) -> Context:
    nothing = cast(Any, None)
    project = Project(folder, Settings())
    return Context(project, nothing, InlineExecutor(), Draws(7), nothing, 1)


def double(number: int) -> int:
    return 2 * number


def test_population_is_looked_at_after_each_result_and_in_each_pause(tmp_path: Path) -> None:
    looks = Looks()
    interleaving = Interleaving(context_in(tmp_path), cast(LiveUpdates, looks), {"a": 3})
    seen = []
    for result in interleaving.context.executor.map(double, [1, 2, 3]):
        seen.append((result, len(looks.told)))
    assert seen == [(2, 1), (4, 2), (6, 3)]
    interleaving.context.pause()
    assert list(interleaving.renewed()) == [f"agent {n}" for n in (1, 2, 3, 4)]
    assert not interleaving.renewed(), "told once"
    for context, lived in looks.told:
        assert (context.executor is interleaving, lived) == (False, {"a": 3})


def test_in_lockstep_nobody_is_looked_at(tmp_path: Path) -> None:
    interleaving = Interleaving(context_in(tmp_path), None)
    assert list(interleaving.map(double, [1, 2])) == [2, 4]
    interleaving.look()
    assert not interleaving.renewed()


@pytest.mark.parametrize("workers", [1, 2])
def test_crash_while_others_are_selected_is_judged_before_the_cycle_is_on_record(
    calm: ProjectUnderTest, workers: int
) -> None:
    (calm.root / "policies.py").write_text(POLICY)
    begun = {row["id"]: row["age"] for row in calm.agents()}
    calm.live(3, *FREE, "--set", "selection=policies:kill_one", "--workers", workers)
    cycle = {event["cycle"]: event["seq"] for event in calm.events("cycle")}
    [crash] = [event for event in calm.events("exit") if event["cause"] == "crash"]
    assert cycle[2] < crash["seq"] < cycle[3]
    assert [event["seq"] for event in calm.events()] == calm.recorded(), "the log is in order"
    [death], [birth] = calm.events("death"), calm.events("birth")
    grown = {agent: age + 3 for agent, age in begun.items() if agent != death["agent"]}
    ages = {row["id"]: row["age"] for row in calm.agents()}
    assert ages == {**grown, birth["agent"]: 1}, "nobody's season was lost"
    started = calm.events("start", birth["agent"])
    assert [event["cycle"] for event in started] == [4]
    assert cycle[3] < started[0]["seq"] < cycle[4]
