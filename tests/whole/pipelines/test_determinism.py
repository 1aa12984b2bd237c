"""One seed, one history: for any number of workers, in one run or in many."""

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import evolve
from project_support import ProjectUnderTest

CYCLES = 7
COUNT = 20

FUSE = """//! A gene that dies now and then.
use crate::kernel::Agent;

/// Panics at certain ages.
pub fn blow(agent: &mut Agent) {
    if agent.age() % 23 == 22 {
        panic!("the fuse has blown");
    }
}

/// Remembers.
pub fn hold(agent: &mut Agent) {
    agent.keep("fuse.hold", 1.0);
}
"""
TYPO = """//! A gene that no compiler takes.
use crate::kernel::Agent;

/// Does not compile.
pub fn wrong(agent: &mut Agent) {
    let number: u64 = "seven";
    agent.keep("typo", number as f64);
}
"""

Copy = Callable[..., ProjectUnderTest]


@pytest.fixture(scope="module")
def hard_project(lasting: Copy) -> Path:
    """Founders of whom some panic, some do not compile, and all mutate."""
    project = lasting(mutation_rate=1.0, file_active=0.6, function_active=0.7)
    project.gene("fuse", FUSE)
    project.gene("typo", TYPO.replace('"seven"', "7"))
    project.evolve("init", COUNT)
    project.spoil("typo", TYPO)
    return project.root


@pytest.fixture(scope="module")
def history(hard_project: Path, lasting: Copy) -> dict[int, str]:
    """The digests of a history lived by one worker in one run."""
    project = lasting(hard_project)
    try:
        project.live(CYCLES, "--workers", 1)
        kinds = {event["event"] for event in project.events()}
        assert {"mutation", "restart", "birth", "death"} <= kinds
        causes = {event["cause"] for event in project.events("exit")}
        assert "crash" in causes
        assert any("typo.rs:6" in event["reason"] for event in project.events("quarantine"))
        assert project.status()["tainted"] is None
        return project.chain()
    finally:
        assert not project.clean_up()


@pytest.mark.parametrize("workers", [2, 4])
def test_history_does_not_depend_on_the_number_of_workers(
    workers: int, hard_project: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(hard_project)
    project.evolve("life-cycle", "--cycles", CYCLES, "--workers", workers, "--set", "cycle.chunk=3")
    assert project.chain() == history


def test_history_split_over_runs_is_the_same_history(
    hard_project: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(hard_project)
    project.live(3, "--workers", 4)
    project.live(CYCLES - 3, "--workers", 2)
    assert project.chain() == history
    assert project.digest() == history[CYCLES]


def test_history_does_not_depend_on_what_was_built_beforehand(
    hard_project: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(hard_project)
    assert "typo.rs:6" in project.evolve("build", code=1).out
    project.live(3)
    recorded = project.recorded()
    evolve("build", "--project", project.root)
    assert project.recorded() == recorded
    project.live(CYCLES - 3)
    assert project.chain() == history
    assert project.status()["tainted"] is None


def test_history_goes_on_after_sigterm(
    hard_project: Path, history: dict[int, str], copy_of: Copy
) -> None:
    project = copy_of(hard_project)
    running = project.start("life-cycle")
    assert running.stdout is not None
    for line in running.stdout:
        if re.match(r"cycle +2 ", line):
            break
    running.send_signal(signal.SIGTERM)
    running.communicate()
    assert running.returncode == 0
    lived = max(project.chain())
    if lived < CYCLES:
        project.live(CYCLES - lived)
    assert {cycle: project.chain()[cycle] for cycle in history} == history
    assert project.status()["tainted"] is None


def test_same_seed_founds_the_same_agents_and_another_one_others(
    unfounded: ProjectUnderTest, copy_of: Copy, empty_project: Path
) -> None:
    other = copy_of(empty_project, "other")
    third = copy_of(empty_project, "third")
    unfounded.evolve("init", 4, "--seed", 8, "--workers", 1)
    other.evolve("init", 4, "--seed", 8, "--workers", 4, "--set", "cycle.chunk=1")
    third.evolve("init", 4, "--seed", 9, "--workers", 1)

    def genomes(project: ProjectUnderTest) -> dict[str, bytes]:
        return {p.parent.name: p.read_bytes() for p in project.root.glob("agents/*/genome.bin")}

    assert genomes(unfounded) == genomes(other)
    assert genomes(unfounded).keys().isdisjoint(genomes(third).keys())
    for founded in (unfounded, other, third):
        founded.live(1)
    assert unfounded.digest() == other.digest() != third.digest()
