"""Agents in times when nobody asks them anything."""

import psutil
import pytest
from project_support import ProjectUnderTest, wait_until
from seen import first_word


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
    [exit] = [event for event in calm.events("exit") if event["cause"] == "crash"]
    later = [e for e in calm.events(agent=exit["agent"]) if e["seq"] > exit["seq"]]
    restart = later[0]
    assert (restart["event"], restart["cause"]) == ("restart", "crash")
    # In lockstep the cycle after the pause judges, and the one after that restarts.
    judged, restarted = (2, 3) if mode == "lockstep" else (1, 1)
    assert (exit["pid"], exit["cycle"]) == (victim.pid, cycles + judged)
    assert restart["cycle"] == cycles + restarted


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_who_dies_before_the_end_of_a_run_is_not_said_to_run(
    calm: ProjectUnderTest, mode: str
) -> None:
    calm.set(sleep=600.0)
    cycles = len(calm.events("cycle"))
    running = calm.start("life-cycle", "--set", f"mode={mode}")
    wait_until(lambda: len(calm.events("cycle")) > cycles, "a cycle")
    victim = agents(calm)[0]
    victim.kill()
    running.terminate()
    assert running.wait(60) == 0
    [exit] = [event for event in calm.events("exit") if event["cause"] == "crash"]
    row = next(row for row in calm.agents() if row["id"] == exit["agent"])
    assert (exit["pid"], row["state"], row["pid"]) == (victim.pid, "waiting", None)
    assert calm.events("exit", exit["agent"])[-1] == exit
    assert "SIGKILL" in calm.status()["tainted"]
    calm.live(3, "--set", "cycle.sleep=0")
    assert calm.events("restart", exit["agent"])[0]["cause"] == "crash"


def agents(project: ProjectUnderTest) -> list[psutil.Process]:
    return [p for p in project.processes() if first_word(p).startswith("agent-")]
