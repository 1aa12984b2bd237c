"""What is told of the time of a cycle is all of it, and each of its parts has a name."""

import re
from datetime import datetime

import pytest
from project_support import ProjectUnderTest

from evolve_ai.pipelines.cycle_report import Stopwatch

PARTS = {"scan", "sync", "audit", "build", "run", "observe", "select", "succeed"}
AFTER = {"record", "notify", "clear", "tidy"}


def test_parts_of_a_cycle_come_to_the_time_between_two_commits(project: ProjectUnderTest) -> None:
    out = project.live(6, "--set", "cycle.ticks=200").out
    cycles = project.events("cycle")
    times = [datetime.fromisoformat(event["ts"]).timestamp() for event in cycles]
    whole = times[-1] - times[0]
    told = sum(sum(event["seconds"].values()) for event in cycles[1:])
    assert told == pytest.approx(whole, rel=0.05, abs=0.05)
    assert all(event["seconds"].keys() >= PARTS for event in cycles)
    assert all(event["seconds"].keys() >= AFTER for event in cycles[1:])
    assert "begin" in cycles[0]["seconds"]
    printed = [float(seconds) for seconds in re.findall(r"· ([0-9.]+) s$", out, re.MULTILINE)]
    for seconds, event in zip(printed, cycles, strict=True):
        assert seconds == pytest.approx(
            sum(event["seconds"].values()) - event["seconds"].get("pause", 0.0), abs=0.011
        )


def test_sleep_between_cycles_is_a_pause_and_no_work(project: ProjectUnderTest) -> None:
    out = project.live(2, "--set", "cycle.sleep=3").out
    (_, last) = project.events("cycle")
    assert last["seconds"]["pause"] >= 3
    (_, printed) = re.findall(r"· ([0-9.]+) s$", out, re.MULTILINE)
    assert float(printed) == pytest.approx(
        sum(last["seconds"].values()) - last["seconds"]["pause"], abs=0.011
    )


def test_stopwatch_leaves_no_gap_and_begins_anew() -> None:
    clock = Stopwatch()
    for name in ("one", "two", "one"):
        clock.lap(name)
    assert clock.take().keys() == {"one", "two"}
    assert clock.take() == {}
