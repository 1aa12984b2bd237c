"""Mutation to life in free mode: a change becomes a process without waiting for the next cycle."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from project_support import ProjectUnderTest, end_gracefully, wait_until
from toolchains import false_tools, real_sysroot

from evolve_ai.model.genome import Genome, decode, encode

FREE = ("--set", "mode=free")
ASLEEP = (*FREE, "--set", "cycle.ticks=4", "--set", "cycle.sleep=600")
LONG = (*FREE, "--set", "cycle.ticks=100000")
FREELY = pytest.mark.parametrize("pace", [ASLEEP, LONG], ids=["asleep", "between ticks"])
BROKEN = b'\npub fn broken() -> u64 { "seven" }\n'


def genome_of(project: ProjectUnderTest, agent: str) -> Genome:
    return decode((project.folder(agent) / "genome.bin").read_bytes())


def publish(project: ProjectUnderTest, agent: str, data: bytes) -> None:
    """As an agent does: whole, or not at all, and in its state/."""
    fresh = project.folder(agent) / "state" / ".genome.bin.new"
    fresh.write_bytes(data)
    fresh.replace(fresh.with_name("genome.bin"))


def flipped(genome: Genome, which: int = 0) -> Genome:
    """A function of an active file switched."""
    at, gene = next((n, g) for n, g in enumerate(genome.files) if g.active and len(g.functions) > 1)
    functions = list(gene.functions)
    functions[which] = (functions[which][0], not functions[which][1])
    changed = replace(gene, functions=tuple(functions))
    return replace(genome, files=(*genome.files[:at], changed, *genome.files[at + 1 :]))


def gene_of(project: ProjectUnderTest, agent: str) -> Path:
    gene = next(gene for gene in genome_of(project, agent).files if gene.active)
    return project.folder(agent) / gene.path


def row(project: ProjectUnderTest, agent: str) -> dict[str, Any]:
    return next(row for row in project.agents() if row["id"] == agent)


def begin(project: ProjectUnderTest, *words: object) -> "subprocess.Popen[str]":
    """A life-cycle whose agents have answered their first ticks; nobody mutates by itself."""
    before = len(project.events("start"))
    running = project.start("life-cycle", *words)
    wait_until(lambda: len(project.events("start")) >= before + 11, "agents running")
    time.sleep(0.3)
    return running


def end(project: ProjectUnderTest, running: "subprocess.Popen[str]") -> None:
    end_gracefully(running, 3)
    assert not project.processes()
    seqs = [event["seq"] for event in project.events()]
    assert seqs == sorted(set(seqs))
    assert seqs == project.recorded()


def new_events(project: ProjectUnderTest, kind: str, agent: str, since: int) -> list[Any]:
    return [event for event in project.events(kind, agent) if event["seq"] > since]


def last_seq(project: ProjectUnderTest) -> int:
    return int(project.events()[-1]["seq"])


@pytest.fixture
def slow_compiler(calm: ProjectUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cargo that builds nothing while this file, beside it, is there."""
    flag = tmp_path / "tools" / "bin" / "slow"
    wait = f'while [ -e {flag} ] && [ "$1" = build ]; do sleep 0.1; done'
    calm.set(readable=f'["{real_sysroot()}"]')
    monkeypatch.setenv("PATH", false_tools(flag.parent, cargo=wait)["PATH"])
    return flag


def compilers(pid: int) -> list[psutil.Process]:
    """Those of a life-cycle that wait."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if process.name() == "cargo":
                found.append(process)
    return found


@FREELY
def test_flipped_function_leads_to_a_new_process_within_the_cycle(
    calm: ProjectUnderTest, pace: tuple[str, ...]
) -> None:
    running = begin(calm, *pace)
    agent = calm.agents()[0]["id"]
    before, since, cycles = row(calm, agent), last_seq(calm), len(calm.events("cycle"))
    restarts = calm.status()["restarts"]
    others = {r["id"]: r["pid"] for r in calm.agents() if r["id"] != agent}
    publish(calm, agent, encode(flipped(genome_of(calm, agent))))
    restart = wait_until(lambda: new_events(calm, "restart", agent, since), "a restart", 10)[0]
    after = row(calm, agent)
    assert (after["pid"], after["fingerprint"]) == (restart["pid"], restart["fingerprint"])
    assert after["pid"] != before["pid"]
    assert after["fingerprint"] != before["fingerprint"]
    assert restart["remembers"]
    assert {r["id"]: r["pid"] for r in calm.agents() if r["id"] != agent} == others
    told = [event["event"] for event in calm.events(agent=agent) if event["seq"] > since]
    assert told == ["mutation", "build", "exit", "restart"]
    assert calm.status()["restarts"] == restarts + 1
    assert len(calm.events("cycle")) == cycles
    assert psutil.pid_exists(restart["pid"])
    end(calm, running)


def test_the_world_goes_on_with_the_new_process_and_nothing_is_lost(
    calm: ProjectUnderTest,
) -> None:
    before, one = calm.status(), calm.agents()[0]
    running = begin(calm, *FREE, "--cycles", 2, "--set", "cycle.ticks=1500")
    agent, since = one["id"], last_seq(calm)
    publish(calm, agent, encode(flipped(genome_of(calm, agent))))
    wait_until(lambda: new_events(calm, "restart", agent, since), "a restart", 10)
    assert running.wait(60) == 0
    after = calm.status()
    assert (after["mode"], after["tainted"]) == ("lockstep", None)
    assert after["restarts"] == before["restarts"] + 1
    assert after["builds"]["requested"] == before["builds"]["requested"] + 1
    assert after["cycle"] == before["cycle"] + 2
    cycles = calm.events("cycle")
    assert sum(event["builds"]["requested"] for event in cycles[-2:]) == 1
    assert row(calm, agent)["restarts"] == 1
    assert row(calm, agent)["age"] == one["age"] + 2
    assert not [e for e in calm.events("exit") if e["cause"] != "planned"]
    calm.live(1)
    assert calm.status()["cycle"] == before["cycle"] + 3
    assert calm.events("start", agent)[-1]["remembers"]


def test_history_lived_freely_is_tainted_for_lockstep(calm: ProjectUnderTest) -> None:
    calm.live(1, *FREE)
    calm.live(1)
    assert calm.status()["tainted"] is None, "nobody changed in the middle of a cycle"
    running = begin(calm, *ASLEEP)
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    publish(calm, agent, encode(flipped(genome_of(calm, agent))))
    wait_until(lambda: new_events(calm, "restart", agent, since), "a restart", 10)
    end(calm, running)
    assert calm.status()["tainted"] is None
    calm.live(1)
    assert "free" in calm.status()["tainted"]
    calm.live(1)
    assert len(calm.events("taint")) == 1


@FREELY
def test_old_process_lives_while_a_gene_file_is_compiled(
    calm: ProjectUnderTest, pace: tuple[str, ...], slow_compiler: Path
) -> None:
    running = begin(calm, *pace)
    slow_compiler.touch()
    agent = calm.agents()[0]["id"]
    path, before, since = gene_of(calm, agent), row(calm, agent), last_seq(calm)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    wait_until(lambda: new_events(calm, "mutation", agent, since), "a mutation", 10)
    meanwhile = row(calm, agent)
    assert (meanwhile["pid"], meanwhile["state"]) == (before["pid"], "running")
    assert psutil.pid_exists(before["pid"])
    slow_compiler.unlink()
    restart = wait_until(lambda: new_events(calm, "restart", agent, since), "a restart")[0]
    assert new_events(calm, "build", agent, since)[0]["verdict"] == "compiled"
    assert row(calm, agent)["pid"] == restart["pid"] != before["pid"]
    assert not psutil.pid_exists(before["pid"])
    assert restart["remembers"]
    end(calm, running)


def test_build_of_who_waited_for_the_build_of_another_is_told(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *ASLEEP)
    requested = calm.status()["builds"]["requested"]
    first, second, name = two_with_a_file_in_common(calm)
    since, comment = last_seq(calm), f"\n// {os.urandom(8).hex()}\n".encode()
    slow_compiler.touch()
    for agent in (first, second):
        path = calm.folder(agent) / name
        path.write_bytes(path.read_bytes() + comment)
        wait_until(lambda a=agent: new_events(calm, "mutation", a, since), "a mutation", 10)
        wait_until(lambda: compilers(running.pid), "a slow build", 20)
    assert not new_events(calm, "build", first, since)
    slow_compiler.unlink()
    for agent in (first, second):
        wait_until(lambda a=agent: new_events(calm, "restart", a, since), "a restart")
        assert len(new_events(calm, "build", agent, since)) == 1
    end(calm, running)
    calm.live(1)
    assert calm.status()["builds"]["requested"] == requested + 2


def two_with_a_file_in_common(project: ProjectUnderTest) -> tuple[str, str, str]:
    """Two agents, and a gene file that is active in both."""
    owners: dict[str, str] = {}
    for agent in (row["id"] for row in project.agents()):
        for gene in genome_of(project, agent).files:
            if gene.active and owners.setdefault(gene.path, agent) != agent:
                return owners[gene.path], agent, gene.path
    raise AssertionError("no file in common")


def test_lockstep_is_tainted_by_who_waited_for_a_compiler_and_tells_its_build(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *FREE, "--set", "cycle.ticks=0", "--set", "cycle.sleep=0")
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    slow_compiler.touch()
    path = gene_of(calm, agent)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    wait_until(lambda: compilers(running.pid), "a slow build", 20)
    end(calm, running)
    slow_compiler.unlink()
    assert not new_events(calm, "build", agent, since)
    calm.live(1)
    assert "free" in calm.status()["tainted"]
    assert len(new_events(calm, "build", agent, since)) == 1


def test_others_change_over_while_the_compiler_is_busy(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *ASLEEP)
    slow_compiler.touch()
    slow, quick = (row["id"] for row in calm.agents()[:2])
    since = last_seq(calm)
    path = gene_of(calm, slow)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    wait_until(lambda: new_events(calm, "mutation", slow, since), "a mutation", 10)
    publish(calm, quick, encode(flipped(genome_of(calm, quick))))
    first = wait_until(lambda: new_events(calm, "restart", quick, since), "a restart", 10)[0]
    assert not new_events(calm, "restart", slow, since)
    slow_compiler.unlink()
    second = wait_until(lambda: new_events(calm, "restart", slow, since), "another restart")[0]
    assert first["seq"] < second["seq"]
    end(calm, running)


def test_what_cannot_live_is_quarantined_at_once_and_comes_back(calm: ProjectUnderTest) -> None:
    running = begin(calm, *ASLEEP)
    agent = calm.agents()[0]["id"]
    path, good = gene_of(calm, agent), (calm.folder(agent) / "genome.bin").read_bytes()
    code = path.read_bytes()
    name = f"{path.relative_to(calm.folder(agent))}"
    for break_it, cause, words in (
        (lambda: publish(calm, agent, good[:-7]), "genome", "genome.bin"),
        (lambda: path.write_bytes(code + BROKEN), "build", f"{name}:"),
    ):
        since = last_seq(calm)
        break_it()
        told = wait_until(lambda s=since: new_events(calm, "quarantine", agent, s), cause)[0]
        assert told["cause"] == cause
        assert words in told["reason"]
        wait_until(lambda: row(calm, agent)["pid"] is None, "its end")
        since = last_seq(calm)
        path.write_bytes(code)
        publish(calm, agent, good)
        wait_until(lambda s=since: new_events(calm, "start", agent, s), "a start")
        assert row(calm, agent)["state"] == "running"
    assert len(calm.events("quarantine")) == 2
    end(calm, running)


def test_of_two_changes_in_a_row_the_last_one_wins(calm: ProjectUnderTest) -> None:
    running = begin(calm, *ASLEEP)
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    path, code = gene_of(calm, agent), gene_of(calm, agent).read_bytes()
    for n in range(3):
        path.write_bytes(code + f"\n// {n} {os.urandom(8).hex()}\n".encode())
        time.sleep(0.4)
    last = flipped(genome_of(calm, agent))
    publish(calm, agent, encode(last))
    wait_until(lambda: _runs_what_it_should(calm, agent, since), "the last one")
    time.sleep(1.0)
    assert _runs_what_it_should(calm, agent, since), "no older one comes late"
    end(calm, running)
    assert genome_of(calm, agent).files[0].functions == last.files[0].functions


def _runs_what_it_should(project: ProjectUnderTest, agent: str, since: int) -> bool:
    restarts = new_events(project, "restart", agent, since)
    now = row(project, agent)
    mutations = new_events(project, "mutation", agent, since)
    flips = [event for event in mutations if any("::" in change for change in event["changes"])]
    return (
        bool(restarts and flips)
        and restarts[-1]["seq"] > flips[-1]["seq"]
        and restarts[-1]["fingerprint"] == now["fingerprint"]
        and psutil.pid_exists(restarts[-1]["pid"])
    )


def test_agents_own_mutations_come_to_life_within_the_cycle(project: ProjectUnderTest) -> None:
    for agent in (row["id"] for row in project.agents()):
        genome = genome_of(project, agent)
        restless = replace(genome, traits={**genome.traits, "mutation_rate": 1.0})
        publish(project, agent, encode(restless))
    project.live(12, *FREE, "--set", "cycle.ticks=40")
    mutations = [e for e in project.events("mutation") if e["operators"] != ["by_hand"]]
    assert mutations
    cycle_ends = {e["cycle"]: e["seq"] for e in project.events("cycle")}
    at_once = 0
    for mutation in mutations:
        same = [
            event
            for event in project.events("restart", mutation["agent"])
            if event["cycle"] == mutation["cycle"] and event["seq"] > mutation["seq"]
        ]
        at_once += bool(same and same[0]["seq"] < cycle_ends[mutation["cycle"]])
    assert at_once
    assert project.status()["restarts"] == len(project.events("restart"))


def test_in_lockstep_a_change_waits_for_the_next_cycle(calm: ProjectUnderTest) -> None:
    running = begin(calm, "--set", "cycle.ticks=4", "--set", "cycle.sleep=600")
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    wait_until(lambda: len(calm.events("cycle")) >= 2, "a cycle")
    publish(calm, agent, encode(flipped(genome_of(calm, agent))))
    time.sleep(1.5)
    assert not new_events(calm, "restart", agent, since)
    end(calm, running)
    calm.live(1)
    assert new_events(calm, "mutation", agent, since)


def test_stop_during_a_build_ends_promptly_and_the_next_run_builds(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *ASLEEP)
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    slow_compiler.touch()
    path = gene_of(calm, agent)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    build = wait_until(lambda: compilers(running.pid), "a slow build", 20)
    began = time.monotonic()
    running.terminate()
    assert running.wait(30) == 0
    assert time.monotonic() - began < 5
    assert not calm.processes()
    assert not any(psutil.pid_exists(process.pid) for process in build)
    slow_compiler.unlink()
    calm.live(1, *FREE)
    built = new_events(calm, "build", agent, since)
    assert [event["verdict"] for event in built] == ["compiled"]
    assert row(calm, agent)["state"] == "waiting"
    assert new_events(calm, "start", agent, built[0]["seq"] - 1)


def test_compiler_that_is_gone_is_told_of_in_the_pause(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *ASLEEP)
    agent = calm.agents()[0]["id"]
    slow_compiler.parent.joinpath("cargo").write_text("#!/bin/sh\nexit 127\n")
    path = gene_of(calm, agent)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    assert running.wait(60) != 0
    assert calm.status()["tainted"] is None, "everybody was sent home"


def test_cycles_go_on_while_the_compiler_is_busy(
    calm: ProjectUnderTest, slow_compiler: Path
) -> None:
    running = begin(calm, *FREE, "--set", "cycle.ticks=20")
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    pid = row(calm, agent)["pid"]
    slow_compiler.touch()
    path = gene_of(calm, agent)
    path.write_bytes(path.read_bytes() + f"\n// {os.urandom(8).hex()}\n".encode())
    wait_until(lambda: new_events(calm, "mutation", agent, since), "a mutation", 20)
    cycles = len(calm.events("cycle"))
    wait_until(lambda: len(calm.events("cycle")) > cycles + 3, "three cycles more", 20)
    assert row(calm, agent)["pid"] == pid
    assert psutil.pid_exists(pid)
    running.terminate()
    assert running.wait(30) == 0
    assert not calm.processes()


def test_killed_in_the_middle_of_a_cycle_what_was_told_stays(calm: ProjectUnderTest) -> None:
    restarts = calm.status()["restarts"]
    running = begin(calm, *LONG)
    agent, since = calm.agents()[0]["id"], last_seq(calm)
    changed = encode(flipped(genome_of(calm, agent)))
    publish(calm, agent, changed)
    wait_until(lambda: new_events(calm, "restart", agent, since), "a restart", 10)
    running.kill()
    running.wait(20)
    fingerprint = row(calm, agent)["fingerprint"]
    calm.live(1)
    assert (row(calm, agent)["state"], row(calm, agent)["fingerprint"]) == ("waiting", fingerprint)
    assert len(new_events(calm, "mutation", agent, since)) == 1
    assert calm.status()["restarts"] == restarts + 1 == len(calm.events("restart"))
    seqs = [event["seq"] for event in calm.events()]
    assert seqs == sorted(set(seqs)) == calm.recorded()
    assert (calm.folder(agent) / "genome.bin").read_bytes() == changed


def test_agents_start_and_change_while_old_programs_are_cleared_away(
    project: ProjectUnderTest,
) -> None:
    project.live(44, *FREE, "--set", "cycle.ticks=3")
    assert not [e for e in project.events("exit") if e["cause"] not in ("planned", "starved")]
    assert project.status()["tainted"] is None
    seqs = [event["seq"] for event in project.events()]
    assert seqs == sorted(set(seqs)) == project.recorded()


def test_where_nobody_changes_history_is_that_of_lockstep(
    copy_of: Callable[..., ProjectUnderTest], calm_project: Path
) -> None:
    digests = []
    for name, mode in (("one", ()), ("other", FREE)):
        project = copy_of(calm_project, name)
        project.live(3, *mode)
        digests.append(project.digest())
    assert digests[0] == digests[1]
