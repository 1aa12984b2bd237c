"""A registry that was damaged between two runs: life goes on from its copy, aloud."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from project_support import ProjectUnderTest, wait_until

from evolve_ai.state.copies import Copies
from evolve_ai.state.registry import Registry


def registry_of(project: ProjectUnderTest) -> Path:
    return project.root / "workspace" / "registry.sqlite"


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def test_damaged_registry_is_restored_aloud_and_nothing_is_numbered_twice(
    project: ProjectUnderTest,
) -> None:
    project.live(1)
    copy = Copies(registry_of(project)).path
    early = copy.read_bytes()
    project.live(2)
    born = {event["agent"] for event in project.events("birth")}
    strangers = {row["id"] for row in project.agents()}
    copy.write_bytes(early)
    scribble(registry_of(project))

    assert project.evolve("doctor", code=1).out.count("puts the last good copy in its place") == 1
    done = project.live(1)
    assert "the registry was damaged" in done.err
    assert "restored from the copy of" in done.err
    assert "cycle 1; what happened after it, up to cycle 4, is lost" in done.err

    assert project.status()["cycle"] == 5
    assert "the registry was damaged" in project.status()["tainted"]
    [restored] = [event for event in project.events("command") if event["command"] == "restore"]
    assert restored["lost_cycles"] == 3
    assert (registry_of(project).with_name(restored["aside"])).exists()
    seqs = [event["seq"] for event in project.events()]
    assert seqs == sorted(set(seqs)), "an event is missing or doubled"
    lost = strangers.intersection(restored["strangers"])
    assert lost <= born
    assert all(project.folder(agent).is_dir() for agent in lost)
    assert project.live(1).err.count("the registry was damaged") == 0


def test_end_of_a_run_leaves_a_copy_of_all_that_it_recorded(calm: ProjectUnderTest) -> None:
    calm.live(1)
    copy = Copies(registry_of(calm)).path
    assert recorded(copy) == recorded(registry_of(calm))
    scribble(registry_of(calm))
    before = calm.evolve("life-cycle", "--cycles", 1)
    assert "is lost" not in before.err
    assert calm.status()["population"]["running"] == 0
    assert calm.status()["population"]["alive"] == 11


def recorded(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT max(seq) FROM events").fetchone()[0])


def test_damaged_registry_and_no_copy_is_a_word_and_an_exit_code(calm: ProjectUnderTest) -> None:
    Copies(registry_of(calm)).path.unlink(missing_ok=True)
    scribble(registry_of(calm))
    done = calm.live(1, code=1)
    assert "there is no good copy" in done.err
    assert "evolve import agents" in done.err


LOST = {
    "the registry": "rm workspace/registry.sqlite",
    "the registry, and a log of it is left": "rm workspace/registry.sqlite; echo x > "
    "workspace/registry.sqlite-wal",
    "all of the registry but its file": ": > workspace/registry.sqlite",
    "all agents in the registry": "rm workspace/registry.sqlite; cp empty.sqlite "
    "workspace/registry.sqlite",
}


def harm(project: ProjectUnderTest, words: str) -> None:
    subprocess.run(["sh", "-ec", words], cwd=project.root, check=True)


@pytest.mark.parametrize("lost", LOST)
def test_registry_that_is_gone_is_no_empty_one(calm: ProjectUnderTest, lost: str) -> None:
    before, copy = calm.digest(), Copies(registry_of(calm)).path
    with Registry.create(calm.root / "empty.sqlite"):
        kept = copy.read_bytes()
    harm(calm, LOST[lost])
    for words in (("status",), ("agents",), ("init", 3), ("init", 3, "--seed", 9), ("exam",)):
        refused = calm.evolve(*words, code=1)
        assert "evolve life-cycle puts the last good copy in its place" in refused.err, words
    assert calm.evolve("verify", code=1).out.count("NO  registry") == 1
    assert calm.evolve("doctor", code=1).out.count("NO  registry") == 1
    assert copy.read_bytes() == kept
    assert "seed = 7" in (calm.root / "evolve.toml").read_text()
    done = calm.live(1)
    assert "is restored from the copy of" in done.err
    assert "is lost" not in done.err
    status = calm.status()
    assert (status["cycle"], status["population"]["alive"]) == (2, 11)
    assert calm.chain()[1] == before
    seqs = [event["seq"] for event in calm.events()]
    assert seqs == calm.recorded()


def test_registry_that_is_gone_with_its_copy_is_refused_and_the_agents_are_taken_in(
    calm: ProjectUnderTest,
) -> None:
    harm(calm, "rm workspace/registry*")
    for words in (("status",), ("life-cycle", "--cycles", 1), ("init", 3)):
        refused = calm.evolve(*words, code=1)
        assert "but agents lie in" in refused.err
        assert "evolve import agents" in refused.err
    assert not registry_of(calm).exists()
    calm.evolve("import", calm.root / "agents")
    assert "up to cycle 2, is lost" in calm.live(1).err
    status = calm.status()
    assert (status["cycle"], status["population"]["alive"]) == (3, 11)
    seqs = [event["seq"] for event in calm.events()]
    assert seqs == sorted(set(seqs))


def test_history_that_was_cleared_away_begins_anew_with_the_same_digest(
    copy_of: Callable[..., ProjectUnderTest], calm: ProjectUnderTest, founded_project: Path
) -> None:
    """Its events go on after those of the log that was left."""
    project = copy_of(founded_project, "untouched")
    project.live(1)
    harm(calm, "rm -r agents workspace/registry*")
    shutil.copy2(project.root / "evolve.toml", calm.root)
    assert "no agents yet" in calm.live(1, code=1).err
    assert "no agents yet" in calm.evolve("status", code=1).err
    known = calm.events()[-1]["seq"]
    calm.evolve("init", 8)
    assert f"events begin at {known + 1}" in calm.live(1).err
    assert calm.digest() == project.digest()
    assert calm.status()["tainted"] is None
    seqs = [event["seq"] for event in calm.events()]
    assert seqs == sorted(set(seqs))


def test_registry_that_vanishes_in_a_run_is_written_anew(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--cycles", "400", "--set", "cycle.sleep=0.2")
    wait_until(lambda: len(calm.events("cycle")) > 1, "a cycle", 240)
    registry_of(calm).unlink()
    wait_until(registry_of(calm).exists, "the registry in its place")
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=240)
    assert "was removed while the life-cycle had it open" in err
    assert calm.recorded() == [event["seq"] for event in calm.events()]
    assert calm.evolve("verify").out.count("ok  registry") == 1
    assert calm.status()["tainted"] is None


@pytest.mark.parametrize("lost", ["$one", "$one/genome.bin"])
def test_folder_that_is_gone_is_made_anew_from_the_registry(
    calm: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], lost: str
) -> None:
    twin = copy_of(calm.root, "twin")
    harm(calm, f"one=agents/$(ls agents | head -n 1); rm -r {lost}")
    done = calm.live(1)
    assert "are made anew from the registry" in done.err
    assert "are made anew from the registry" in calm.status()["tainted"]
    assert calm.status()["population"]["quarantined"] == 0
    twin.live(1)
    assert calm.digest() == twin.digest()
    [told] = [event for event in calm.events("command") if event["command"] == "folders"]
    assert told["count"] == 1


def test_folder_that_vanishes_under_its_agent_is_made_anew(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--cycles", "400", "--set", "cycle.sleep=0.2")
    agent, pid = next(iter(wait_until(calm.agent_pids, "agents", 240).items()))
    harm(calm, f"rm -r agents/{agent}")

    def moved_in() -> bool:
        return calm.agent_pids().get(agent, pid) != pid

    wait_until(moved_in, "another process in the new folder", 240)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=240)
    assert calm.status()["population"]["alive"] == 11
    assert calm.evolve("verify").out.count("ok  agents") == 1


def test_all_folders_gone_is_an_accident_that_can_be_mended(calm: ProjectUnderTest) -> None:
    before = calm.digest()
    harm(calm, "rm -r agents")
    refused = calm.live(1, code=1)
    assert "is a disk unmounted?" in refused.err
    assert "evolve revive --lost" in refused.err
    assert calm.digest() == before
    assert "made 11 folders again" in calm.evolve("revive", "--lost").out
    assert "can be made anew" in calm.evolve("revive", "--lost").out
    assert "are made anew from the registry" in calm.status()["tainted"]
    calm.live(1)
    assert calm.status()["population"] | {"running": 0} == {
        **calm.status()["population"], "alive": 11, "quarantined": 0, "running": 0,
    }  # fmt: skip


@pytest.mark.parametrize("lost", ["workspace/colony", "workspace/keeper", "workspace/inbox"])
def test_what_can_be_made_again_costs_no_history(
    calm: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], lost: str
) -> None:
    twin = copy_of(calm.root, "twin")
    harm(calm, f"rm -rf {lost}")
    for project in (calm, twin):
        project.live(1)
    assert calm.digest() == twin.digest()
    assert calm.status()["tainted"] is None
