"""Free mode in several colonies: what changes comes to life at once in each of them."""

import os
import signal
import sqlite3
import time
from contextlib import closing

import psutil
from colonies_support import colony_pid
from project_support import ProjectUnderTest, wait_until
from test_free_mode import flipped, genome_of, publish

from evolve_ai.model.genome import encode

COUNT = 300
FREE = ("--set", "mode=free", "--set", "demes=2", "--set", "colonies=2")


def places(project: ProjectUnderTest) -> dict[str, int]:
    path = project.root / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        return dict(connection.execute("SELECT id, place FROM agents"))


def restarted(project: ProjectUnderTest, agent: str, since: int) -> int:
    """The pid that an agent has got since."""

    def told() -> list[int]:
        events = project.events("restart", agent)
        return [event["pid"] for event in events if event["seq"] > since]

    pid: int = wait_until(told, "a restart", 20)[-1]
    assert psutil.pid_exists(pid)
    return pid


def changed(project: ProjectUnderTest, agent: str) -> int:
    since = project.events()[-1]["seq"]
    publish(project, agent, encode(flipped(genome_of(project, agent))))
    return restarted(project, agent, since)


def test_mutations_deaths_and_a_killed_colony_in_the_middle_of_a_cycle(
    unfounded: ProjectUnderTest,
) -> None:
    project = unfounded
    project.set(turnover_floor=0.0, age_limit=1000, mutation_rate=0.0, start_cycles=9.0)
    project.evolve("init", COUNT)
    running = project.start("life-cycle", *FREE, "--set", "cycle.ticks=100000")
    wait_until(lambda: len(project.events("start")) >= COUNT * 0.9, "agents")
    here, there = ([a for a, p in places(project).items() if p % 2 == deme] for deme in (0, 1))
    before = project.agent_pids()
    here, there = ([a for a in ids if a in before] for ids in (here, there))
    before[here[0]] = changed(project, here[0])
    before[there[0]] = changed(project, there[0])
    since = project.events()[-1]["seq"]
    os.kill(before[there[1]], signal.SIGKILL)
    before[there[1]] = restarted(project, there[1], since)
    victim = colony_pid(project, 1)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: colony_pid(project, 1) not in (0, victim), "another process")
    before[there[2]] = changed(project, there[2])
    before[here[2]] = changed(project, here[2])
    assert project.agent_pids() == before, "nobody else was touched"
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert not project.processes()
    seqs = [event["seq"] for event in project.events()]
    assert seqs == project.recorded()
