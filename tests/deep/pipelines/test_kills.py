"""Killed at random, again and again: nobody is lost, nobody lives twice, no event is missing.

EVOLVE_TEST_KILLS=100 kills more often, EVOLVE_TEST_KILLS_SEED at other moments.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from observer import Observer
from project_support import ProjectUnderTest, wait_until

from evolve_ai.model.agent import AgentRecord, Cause, State
from evolve_ai.state.registry import Registry

KILLS = int(os.environ.get("EVOLVE_TEST_KILLS", "15"))
KILLS_SEED = int(os.environ.get("EVOLVE_TEST_KILLS_SEED", "7"))
FREE = ("--set", "mode=free")
# A pause after a cycle, in which the registry and the processes must be of one mind.
ASLEEP = ("--set", "cycle.sleep=600")


@pytest.fixture
def project(project: ProjectUnderTest) -> ProjectUnderTest:
    """With as many workers as users have."""
    project.set(workers=0)
    return project


@pytest.fixture
def lived(project: ProjectUnderTest) -> Iterator[ProjectUnderTest]:
    """A project after its first cycle; whoever still runs in the end is ended with it."""
    project.live(1)
    yield project
    for process in project.processes():
        process.kill()
    for pipe in project.pipes():
        pipe.unlink()


def registered(project: ProjectUnderTest) -> dict[str, AgentRecord]:
    with Registry.read(project.root / "workspace" / "registry.sqlite") as registry:
        return registry.living()


def kill_at_random(project: ProjectUnderTest, mode: tuple[str, ...]) -> None:
    """Let life-cycles follow each other, each killed at a moment between its start and the end of
    its third cycle, the keeper with it or instead of it."""
    rng = random.Random(KILLS_SEED)
    longest = seconds_of_three_cycles(project, mode)
    running = project.start("life-cycle", *mode)
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.0, longest))
        which = rng.choice(("life-cycle", "keeper", "both"))
        there = project.keepers()
        for keeper in there if which != "life-cycle" else ():
            with suppress(psutil.NoSuchProcess):
                keeper.kill()
        if which != "keeper" or not there:
            running.kill()
            running.communicate()
            running = project.start("life-cycle", *mode)
    running.kill()
    running.communicate()


def seconds_of_three_cycles(project: ProjectUnderTest, mode: tuple[str, ...]) -> float:
    begun = time.monotonic()
    before = len(project.events("cycle"))
    running = project.start("life-cycle", *mode)
    wait_until(lambda: len(project.events("cycle")) >= before + 3, "three cycles")
    running.kill()
    running.communicate()
    return time.monotonic() - begun


def events_are_whole(project: ProjectUnderTest) -> None:
    seqs = [event["seq"] for event in project.events()]
    assert seqs == list(range(1, len(seqs) + 1)), "missing or doubled"
    assert seqs == project.recorded()


def population_is_as_the_events_say(project: ProjectUnderTest) -> None:
    born = {event["agent"] for kind in ("founding", "birth") for event in project.events(kind)}
    dead = {event["agent"] for event in project.events("death")}
    assert born - dead == set(registered(project))
    folders = {path.name for path in (project.root / "agents").iterdir() if path.name[0] != "."}
    assert folders == set(registered(project))


def processes_are_as_the_registry_says(project: ProjectUnderTest) -> None:
    expected = {
        record.id: record.pid
        for record in registered(project).values()
        if record.state in (State.RUNNING, State.STARTING)
    }
    assert expected
    assert project.agent_pids() == expected


def only_who_was_told_to_has_ended(project: ProjectUnderTest, observer: Observer) -> None:
    """A process that was seen to end gave way to a new program, or was the last of its agent; or it
    had not been greeted when a kill came, and was on no record."""
    dead = {event["agent"] for event in project.events("death")}
    planned = {
        (event["agent"], event["pid"])
        for event in project.events("exit")
        if event["cause"] == Cause.PLANNED
    }
    ended = [(line["agent"], line["processes"][0][0]) for line in observer.seen("ended")]
    began = [(line["agent"], line["processes"][0][0]) for line in observer.seen("began")]
    last = {agent: pid for agent, pid in began if agent in dead}
    recorded = {
        (event["agent"], event["pid"])
        for kind in ("start", "restart")
        for event in project.events(kind)
    }
    lost = [one for one in ended if one in recorded - planned and one not in last.items()]
    assert not lost, f"{len(lost)} of {len(ended)} that ended were lost"


@pytest.mark.parametrize("mode", [(), FREE], ids=["lockstep", "free"])
def test_random_kills_lose_nobody(
    lived: ProjectUnderTest,
    tmp_path: Path,
    mode: tuple[str, ...],
    copy_of: Callable[..., ProjectUnderTest],
    founded_project: Path,
) -> None:
    with Observer(lived.root / "agents", tmp_path / "lines.jsonl") as observer:
        kill_at_random(lived, mode)
        cycles = len(lived.events("cycle"))
        running = lived.start("life-cycle", *mode, *ASLEEP)
        wait_until(lambda: len(lived.events("cycle")) > cycles, "another cycle")
        time.sleep(1.0)  # what a cycle leaves to do is done in the pause: the dead are sent away
        assert observer.seen("violation") == [], "an agent had two processes"
        events_are_whole(lived)
        population_is_as_the_events_say(lived)
        processes_are_as_the_registry_says(lived)
        only_who_was_told_to_has_ended(lived, observer)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
        assert observer.close()["violations"] == 0
    assert not lived.processes(), "a graceful end leaves nobody, the keeper included"
    events_are_whole(lived)
    if mode != FREE:
        assert lived.status()["tainted"] is None
        undisturbed = copy_of(founded_project, "undisturbed")
        undisturbed.live(max(lived.chain()))
        assert lived.chain() == undisturbed.chain()
