"""Restarts by the clock in free mode: who crashes is judged at once and is back in its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from project_support import SEED, UNDYING, ProjectUnderTest, end_gracefully, wait_until

from evolve_ai.model.agent import State
from evolve_ai.model.draws import Draws
from evolve_ai.model.genome import decode, encode
from evolve_ai.model.restart import SECONDS, delay
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.identity import boot_id

Copy = Callable[..., ProjectUnderTest]

FREE = ("--set", "mode=free")
ASLEEP = (*FREE, "--set", "cycle.ticks=4", "--set", "cycle.sleep=600")
LONG = (*FREE, "--set", "cycle.ticks=100000")
PACES = pytest.mark.parametrize("pace", [ASLEEP, LONG], ids=["asleep", "between ticks"])
MANY = 110  # twenty of them are no fifth: restarts do not pause
CALM = 11
LATE = 2.0  # seconds; on a busy machine, and events are written when the agent has said ready


@pytest.fixture(scope="module")
def crowd(lasting: Copy) -> Path:
    """MANY founders in a world where nobody dies by itself or mutates."""
    project = lasting(**UNDYING, mutation_rate=0.0)
    project.evolve("init", MANY)
    return project.root


@contextmanager
def living(project: ProjectUnderTest, *words: object, starts: int) -> Iterator[None]:
    """A life-cycle that has started so many agents; ended at once if its cycle is a long one."""
    before = len(project.events("start"))
    running = project.start("life-cycle", *words)
    try:
        wait_until(lambda: len(project.events("start")) >= before + starts, "agents running")
        time.sleep(0.3)
        yield
    finally:
        end_gracefully(running, 2)


def pids(project: ProjectUnderTest) -> dict[str, int]:
    return {row["id"]: row["pid"] for row in project.agents()}


def moment(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["ts"]).timestamp()


def law(event: dict[str, Any], row: int) -> float:
    """How long an agent waits after this exit, its last of so many in a row."""
    draw = Draws(int(SEED)).rng("restart", event["cycle"], event["agent"]).random()
    return delay(row, draw, SECONDS)


def after(project: ProjectUnderTest, kind: str, agent: str, since: int) -> list[dict[str, Any]]:
    return [event for event in project.events(kind, agent) if event["seq"] > since]


@PACES
def test_twenty_that_are_killed_are_back_when_their_delay_is_over(
    copy_of: Copy, crowd: Path, pace: tuple[str, ...]
) -> None:
    project = copy_of(crowd)
    with living(project, *pace, starts=MANY):
        since, before = project.events()[-1]["seq"], pids(project)
        victims = dict(list(before.items())[:20])
        killed = time.time()
        for pid in victims.values():
            psutil.Process(pid).kill()
        wait_until(lambda: len(project.events("restart")) >= 20, "twenty restarts", 20)
        now = pids(project)
        for agent, pid in victims.items():
            [exit] = after(project, "exit", agent, since)
            [restart] = after(project, "restart", agent, since)
            assert (exit["pid"], exit["cause"], restart["cause"]) == (pid, "crash", "crash")
            assert -0.1 < moment(exit) - killed < LATE
            assert -0.1 < moment(restart) - moment(exit) - law(exit, 1) < LATE
            assert now[agent] == restart["pid"]
            assert psutil.pid_exists(restart["pid"])
        others = before.keys() - victims
        assert {agent: now[agent] for agent in others} == {agent: before[agent] for agent in others}
        assert project.status()["restarts"] == 20


def remember(project: ProjectUnderTest, clock: str, **changes: Any) -> str:
    """Give the first agent another past, counted by this clock."""
    agent = str(project.agents()[0]["id"])
    with Registry.create(project.root / "workspace" / "registry.sqlite") as registry:
        changed = replace(registry.agent(agent), **changes)
        state = replace(registry.state, clock=clock)
        registry.commit(Batch(records=[changed], state=state), run="test")
    return agent


def waiting(seconds: float) -> dict[str, Any]:
    """What is known of an agent that has crashed six times in a row."""
    now = time.monotonic()
    return {
        "state": State.WAITING,
        "failures": (now,),
        "consecutive_failures": 6,
        "retry_at": now + seconds,
        "cause": "crash",
    }


@PACES
def test_fifth_crash_in_five_minutes_is_quarantine(
    calm: ProjectUnderTest, pace: tuple[str, ...]
) -> None:
    past = (time.monotonic() - 1,) * 4
    agent = remember(calm, f"boot {boot_id()}", failures=past, consecutive_failures=4)
    with living(calm, *pace, starts=CALM):
        psutil.Process(pids(calm)[agent]).kill()
        told = wait_until(lambda: calm.events("quarantine", agent), "a quarantine", 10)[0]
    assert told["cause"] == "crash"
    assert "failed 5 times within 300 seconds, at last: killed by SIGKILL" in told["reason"]
    assert not calm.events("restart", agent)
    row = next(row for row in calm.agents() if row["id"] == agent)
    assert (row["state"], row["pid"]) == ("quarantined", None)


def test_wait_goes_on_in_the_next_run_and_ends_at_once_when_the_code_changes(
    calm: ProjectUnderTest,
) -> None:
    agent = remember(calm, f"boot {boot_id()}", **waiting(60.0))
    with living(calm, *ASLEEP, starts=CALM - 1):
        time.sleep(1.0)
        assert pids(calm)[agent] is None
        genome = decode((calm.folder(agent) / "genome.bin").read_bytes())
        traits = {**genome.traits, "mutation_rate": 0.001}
        fresh = calm.folder(agent) / ".genome.fresh"
        fresh.write_bytes(encode(replace(genome, traits=traits)))
        fresh.replace(calm.folder(agent) / "genome.bin")
        wait_until(lambda: pids(calm)[agent], "its process", 10)


@pytest.mark.parametrize("clock", ["boot of another day", "cycles"])
def test_times_of_another_clock_keep_nobody_waiting(calm: ProjectUnderTest, clock: str) -> None:
    agent = remember(calm, clock, **waiting(60.0))
    with living(calm, *ASLEEP, starts=CALM - 1):
        assert pids(calm)[agent]
    assert calm.events("restart", agent)[-1]["cause"] == "crash"


def test_lockstep_after_waits_by_the_clock_is_tainted_and_waits_for_nobody(
    calm: ProjectUnderTest,
) -> None:
    agent = remember(calm, f"boot {boot_id()}", **waiting(60.0))
    calm.live(1)
    assert calm.events("restart", agent)[-1]["cause"] == "crash"
    assert "free" in calm.status()["tainted"]


def test_who_ends_by_its_own_wish_dies_with_the_cycle_and_is_not_started_again(
    calm: ProjectUnderTest,
) -> None:
    agent = remember(calm, f"boot {boot_id()}", state=State.QUARANTINED, cause="done")
    calm.live(1, *FREE)
    assert calm.events("death", agent)[0]["cause"] == "done"
    assert not calm.events("restart", agent)
