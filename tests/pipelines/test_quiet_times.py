"""Agents in times when nobody asks them anything."""

import psutil
import pytest
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


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_who_dies_in_the_pause_is_judged_before_it_starts_again(
    calm: ProjectUnderTest, mode: str
) -> None:
    calm.set(orphan_seconds=2, sleep=3.0)
    cycles = len(calm.events("cycle"))
    running = calm.start("life-cycle", "--cycles", "3", "--set", f"mode={mode}")
    wait_until(lambda: len(calm.events("cycle")) > cycles, "a cycle")
    victim = agents(calm)[0]
    victim.kill()
    assert running.wait(60) == 0
    exit = next(event for event in calm.events("exit") if event["cause"] == "crash")
    assert (exit["pid"], exit["cycle"]) == (victim.pid, cycles + 2)
    later = [e for e in calm.events(agent=exit["agent"]) if e["seq"] > exit["seq"]]
    assert [e["event"] for e in later if e["cycle"] == exit["cycle"]] == []
    restart = later[0]
    assert (restart["event"], restart["cause"]) == ("restart", "crash")
    assert len([e for e in calm.events("exit") if e["cause"] == "crash"]) == 1


def agents(project: ProjectUnderTest) -> list[psutil.Process]:
    return [p for p in project.processes() if p.cmdline()[0].startswith("agent-")]
