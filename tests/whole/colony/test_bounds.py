"""Keepers and agents in a control group of their project, or, told once, in none."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fake_colony import FAKE_BOX, fake, no_world, start_of
from project_support import ProjectUnderTest, wait_until

from evolve_ai.colony.bounds import OWN_BYTES, bounded, joining
from evolve_ai.colony.colony import Colony
from evolve_ai.colony.colony_member import ColonyProcess, Roster
from evolve_ai.colony.colony_process import ColonySpec
from evolve_ai.contracts.environment import World
from evolve_ai.environments.solitary import SolitaryWorld
from evolve_ai.model.draws import Draws
from evolve_ai.model.guarantee import UNTRIED
from evolve_ai.model.report import Needs
from evolve_ai.model.settings import EconomySettings, Settings
from evolve_ai.notifications.orchestrator_log import FILE_NAME, open_log
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.session.finding import open_project
from evolve_ai.system import cgroup
from evolve_ai.system.cgroup import Group, NotDelegated
from evolve_ai.system.project import Project
from evolve_ai.system.reserves import AGENT_BYTES

MIB = 1024 * 1024


@pytest.fixture
def group(bare_home: Path) -> Iterator[Group]:
    made = Group.make("farm", 64 * MIB, 50)
    assert isinstance(made, Group)
    yield made
    assert wait_until(made.remove, "an empty group")


def logged(folder: Path) -> list[dict[str, str]]:
    with suppress(FileNotFoundError):
        return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]
    return []


def solitary(project: Project) -> World:
    return SolitaryWorld(EconomySettings(), Draws(1))


def test_group_leaves_room_for_the_budget_to_act_first_and_for_the_living(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, int]] = []

    def make(name: str, memory_bytes: int, processes: int) -> NotDelegated:
        asked.append((name, memory_bytes, processes))
        return NotDelegated("a test")

    monkeypatch.setattr(Group, "make", make)
    settings = Settings.model_validate({"budget": {"memory_bytes": 80 * MIB}})
    for name, agents in (("one", 0), ("one", 100), ("other", 1000)):
        with bounded(Project(tmp_path / name, settings), agents, open_log(tmp_path)) as found:
            assert found is None
    assert [memory for _, memory, _ in asked] == [
        90 * MIB,
        90 * MIB,
        OWN_BYTES + 2000 * AGENT_BYTES,
    ]
    assert all(0 < processes < 2**22 for _, _, processes in asked)
    one, same, other = (name for name, _, _ in asked)
    assert one == same != other


def test_where_no_group_can_be_made_a_run_says_so_once_and_lives(
    calm: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroup, "own_group", lambda: None)
    (calm.root / "logs" / FILE_NAME).unlink(missing_ok=True)  # what was told before
    with runs.life(open_project(calm.root), assemble) as manager:
        assert manager.manage_agents_lifecycle(2) == 2
    [told] = logged(calm.root / "logs")
    assert told["level"] == "info"
    assert told["event"] == "no control group bounds the agents"
    assert "no cgroup v2" in told["reason"]
    assert "Delegate=yes" in told["todo"]


def test_life_cycle_has_its_agents_in_a_group_and_none_at_its_end(
    calm: ProjectUnderTest, bare_home: Path
) -> None:
    with runs.life(open_project(calm.root), assemble) as manager:
        manager.manage_agents_lifecycle(1)
        [folder] = [path for path in bare_home.iterdir() if path.is_dir()]
        members = set(map(int, (folder / "cgroup.procs").read_text().split()))
        assert members == {*calm.agent_pids().values(), *(k.pid for k in calm.keepers())}
        assert os.getpid() not in members
    assert not folder.exists()


def test_who_lives_on_is_found_in_the_group_by_the_next_run(
    calm: ProjectUnderTest, bare_home: Path
) -> None:
    with runs.life(open_project(calm.root), assemble) as manager:
        manager.manage_agents_lifecycle(1)
        manager.detaches = True
    [folder] = [path for path in bare_home.iterdir() if path.is_dir()]
    before = set((folder / "cgroup.procs").read_text().split())
    assert len(before) == len(calm.agents()) + 1
    with runs.life(open_project(calm.root), assemble):
        assert set((folder / "cgroup.procs").read_text().split()) == before
    assert not folder.exists()


def test_keeper_that_takes_the_place_of_a_dead_one_joins_too(
    tmp_path: Path, keeper: Path, group: Group
) -> None:
    join = joining(group, tmp_path)
    with Colony(tmp_path / "colony", keeper, no_world, epoch=1, box=FAKE_BOX, join=join) as colony:
        first = colony.keeper
        assert group.members() == (first.pid,)
        os.kill(first.pid, signal.SIGKILL)
        wait_until(lambda: colony.reap() == {} and colony.keeper != first, "another keeper")
        started = colony.start([start_of(tmp_path, "a1", fake("well_behaved"))])
        assert set(group.members()) == {colony.keeper.pid, started["a1"].pid}  # type: ignore[union-attr]


def test_keepers_of_several_colonies_are_in_one_group(
    tmp_path: Path, keeper: Path, group: Group
) -> None:
    project = Project(tmp_path, Settings())
    members = []
    try:
        for n in (0, 1):
            folder = tmp_path / f"colony-{n}"
            spec = ColonySpec(
                project, folder, keeper, 1, 2, (n,), solitary, UNTRIED, Needs(0, 0), group
            )
            members.append(ColonyProcess(spec, lambda: Roster(2, {}, {})))
        for member in members:
            member.give("running")
        assert [member.take().value for member in members] == [{}, {}]
        assert len(group.members()) == 2
        assert not {member.pid for member in members} & set(group.members())
        for member in members:
            member.give("close")
            member.take()
    finally:
        for member in members:
            member.detach()


def test_keeper_that_cannot_join_is_told_of_and_lives(tmp_path: Path, keeper: Path) -> None:
    join = joining(Group(tmp_path, tmp_path / "nowhere"), tmp_path / "logs")
    with Colony(tmp_path / "colony", keeper, no_world, epoch=1, box=FAKE_BOX, join=join) as colony:
        colony.start([start_of(tmp_path, "a1", fake("well_behaved"))])
        assert colony.running()
        [told] = logged(tmp_path / "logs")
    assert told["level"] == "warning"
    assert told["pid"] == colony.keeper.pid
    assert told["group"] == str(tmp_path / "nowhere")
