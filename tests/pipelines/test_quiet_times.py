"""Agents in times when nobody asks them anything."""

import psutil
from project_support import ProjectUnderTest, wait_until


def test_agents_outlive_a_sleep_longer_than_their_orphan_time(calm: ProjectUnderTest) -> None:
    calm.set(orphan_seconds=2, sleep=5.0)
    calm.live(2)
    assert {event["cause"] for event in calm.events("exit")} == {"planned"}
    assert calm.status()["tainted"] is None


def test_an_agent_that_ends_while_the_world_stands_still_is_missed(calm: ProjectUnderTest) -> None:
    quiet = ("--set", "cycle.ticks=0", "--set", "cycle.sleep=0.5")
    running = calm.start("life-cycle", "--cycles", "8", *quiet)
    cycles = len(calm.events("cycle"))
    wait_until(lambda: len(calm.events("cycle")) > cycles, "a cycle")
    victim = agents(calm)[0]
    victim.kill()
    assert running.wait(60) == 0
    crashes = [event for event in calm.events("exit") if event["cause"] == "crash"]
    assert [event["pid"] for event in crashes] == [victim.pid]


def agents(project: ProjectUnderTest) -> list[psutil.Process]:
    return [p for p in project.processes() if p.cmdline()[0].startswith("agent-")]
