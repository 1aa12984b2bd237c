"""Accidents that are nobody's natural death: they cost a sentence, and no lives."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import EVOLVE, evolve
from project_support import ProjectUnderTest, wait_until

from evolve_ai.system.reserves import DESCRIPTORS_PER_AGENT, OWN_DESCRIPTORS, SPARE_DESCRIPTORS


def test_vanished_folder_of_agents_harms_nobody(calm: ProjectUnderTest) -> None:
    before = calm.digest()
    agents = calm.root / "agents"
    agents.rename(calm.root / "elsewhere")
    done = calm.live(1, code=1)
    assert "are gone" in done.err
    assert "put them back" in done.err
    shutil.rmtree(agents)
    (calm.root / "elsewhere").rename(agents)
    assert calm.digest() == before
    calm.live(1)
    assert calm.status()["population"]["quarantined"] == 0
    assert calm.status()["tainted"] is None


def test_one_folder_that_is_gone_costs_no_life(calm: ProjectUnderTest) -> None:
    victim = calm.agents()[0]["id"]
    genome = (calm.folder(victim) / "genome.bin").read_bytes()
    shutil.rmtree(calm.folder(victim))
    calm.live(1)
    states = {row["id"]: row["state"] for row in calm.agents("--all")}
    assert len(states) == len(calm.agents()), "nobody died"
    assert "quarantined" not in states.values()
    assert (calm.folder(victim) / "genome.bin").read_bytes() == genome
    assert victim[:13] in calm.status()["tainted"], "its memory may be gone"


def test_init_without_registry_spares_the_genomes_that_lie_there(project: ProjectUnderTest) -> None:
    genomes = {path: path.read_bytes() for path in project.root.glob("agents/*/genome.bin")}
    for path in (project.root / "workspace").glob("registry*"):
        path.unlink()
    done = project.evolve("init", 2, code=1)
    assert "the registry is gone, and there is no copy" in done.err
    assert f"agents lie in {project.root / 'agents'} ({len(genomes)})" in done.err
    assert "evolve import agents" in done.err
    assert {path: path.read_bytes() for path in genomes} == genomes
    project.evolve("import", project.root / "agents")
    assert project.status()["population"]["alive"] == len(genomes)


def test_registry_that_is_gone_beside_a_good_copy_is_no_empty_one(
    project: ProjectUnderTest,
) -> None:
    alive = project.status()["population"]["alive"]
    for path in (project.root / "workspace").glob("registry.sqlite*"):
        path.unlink()
    for words in (("init", 2), ("import", project.root / "agents")):
        refused = project.evolve(*words, code=1)
        assert "the registry is gone" in refused.err
        assert "evolve life-cycle" in refused.err
    project.live(1)
    assert project.status()["population"]["alive"] >= alive - 1


def test_season_is_not_lost_on_a_policy_that_fails(
    project: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest], founded_project: Path
) -> None:
    (project.root / "sour.py").write_text("def sour(view, rng):\n    raise ValueError('grapes')\n")
    assert "grapes" in project.live(1, "--selection", "sour:sour", code=2).err
    before = project.agent_pids()
    project.live(2)
    assert {event["agent"]: event["pid"] for event in project.events("start")} == before
    assert project.status()["tainted"] is None
    undisturbed = copy_of(founded_project, "undisturbed")
    undisturbed.live(2)
    assert project.chain() == undisturbed.chain()


def test_slip_in_the_settings_keeps_nobody_from_stopping(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--set", "cycle.ticks=0", "--set", "cycle.sleep=0.2")
    wait_until(lambda: calm.status()["life_cycle"], "a life-cycle")
    with (calm.root / "evolve.toml").open("a") as settings:
        settings.write("\n[cycle\n")
    assert "will pause" in calm.evolve("pause").out
    assert "stopped" in calm.evolve("stop").out
    assert running.wait(30) == 0


def test_status_says_who_lives_on_where_nobody_holds_the_project(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--set", "cycle.ticks=0", "--set", "cycle.sleep=0.2")
    wait_until(lambda: calm.status()["population"]["running"], "running agents")
    living = calm.status()["population"]["running"]
    running.kill()
    running.wait(30)
    status = calm.status()
    assert (status["life_cycle"], status["population"]["running"]) == (None, living)
    assert len(calm.agent_pids()) == len(calm.agents()), "they wait for the next run"
    calm.live(1, "--set", "cycle.ticks=0")
    assert calm.status()["tainted"] is None


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_whom_the_machine_has_no_descriptor_for_waits_and_has_not_failed(
    calm: ProjectUnderTest, mode: str
) -> None:
    few = SPARE_DESCRIPTORS + 40
    words = ("--cycles", "2", "--workers", "2", "--set", f"mode={mode}")
    words = (*words, "--set", "budget.descriptors=100000")
    argv = [*EVOLVE, "life-cycle", *words, "--project", calm.root]
    done = subprocess.run(
        ["prlimit", f"--nofile={few}:{few}", *argv], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "agents wait for room" in done.stderr
    assert "ulimit -n" in calm.status()["tainted"]
    assert {row["state"] for row in calm.agents()} == {"waiting"}
    assert not [event for event in calm.events("exit") if event["cause"] != "planned"]
    told = [event["cycle"] for event in calm.events("taint")]
    assert len(told) == len(set(told))
    calm.live(3)
    started = {event["agent"] for event in calm.events("start") if event["cycle"] > 3}
    assert started == {row["id"] for row in calm.agents()}
    assert not calm.events("restart")


def test_as_many_agents_start_as_budgets_count_descriptors_for(calm: ProjectUnderTest) -> None:
    agents = len(calm.agents())
    enough = OWN_DESCRIPTORS + DESCRIPTORS_PER_AGENT * agents
    words = ("--cycles", "1", "--workers", "2", "--set", "budget.descriptors=100000")
    argv = [*EVOLVE, "life-cycle", *words, "--project", calm.root]
    done = subprocess.run(
        ["prlimit", f"--nofile={enough}:{enough}", *argv],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(calm.events("start")) == 2 * agents, "in the cycle before, and now"
    assert calm.status()["tainted"] is None


def test_path_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")
    done = evolve("new", folder)
    assert done.code == 2
    assert "not UTF-8" in done.err
    assert not os.path.exists(folder)  # noqa: PTH110 - it is no Path that can be shown


@pytest.mark.parametrize("family", ["substrate", "environment", "variation"])
def test_callable_that_is_no_plug_in_is_named(project: ProjectUnderTest, family: str) -> None:
    done = project.live(1, "--set", f"{family}=os:getcwd", code=2)
    assert "os:getcwd" in done.err


def test_refused_template_is_told_to_whoever_watches(calm: ProjectUnderTest) -> None:
    running = calm.start("life-cycle", "--cycles", "6", "--set", "cycle.sleep=0.5")
    cycles = len(calm.events("cycle"))
    wait_until(lambda: len(calm.events("cycle")) > cycles, "a cycle")
    calm.gene("broken", "pub fn broken( {")
    _, err = running.communicate(timeout=60)
    assert "template refused" in err
    assert "broken.rs" in err
