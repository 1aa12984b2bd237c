"""Life-cycles, colonies and keepers killed at random: history goes on as if nobody had been.

EVOLVE_TEST_KILLS=100 kills more often, EVOLVE_TEST_KILLS_SEED at other moments.
"""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
from colonies_support import DEMES, TWO, Copy, colony_pid, founded
from project_support import ProjectUnderTest, wait_until

KILLS = int(os.environ.get("EVOLVE_TEST_KILLS", "8"))
KILLS_SEED = int(os.environ.get("EVOLVE_TEST_KILLS_SEED", "7"))

__all__ = ["founded"]


def kill_colonies(project: ProjectUnderTest, *numbers: int) -> None:
    for number in numbers:
        pid = colony_pid(project, number)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def kill_keepers(project: ProjectUnderTest) -> None:
    for keeper in project.keepers():
        with suppress(psutil.NoSuchProcess):
            keeper.kill()


def test_random_kills_leave_history_as_it_is(founded: Path, copy_of: Copy) -> None:
    project, undisturbed = copy_of(founded), copy_of(founded, "undisturbed")
    rng = random.Random(KILLS_SEED)
    running = project.start("life-cycle", *TWO)
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.0, 3.0))
        victims = rng.choice(("life-cycle", "colony", "colonies", "keepers", "all"))
        if victims in ("colony", "colonies", "all"):
            kill_colonies(project, *(0, 1) if victims != "colony" else [rng.randrange(2)])
        if victims in ("keepers", "all"):
            kill_keepers(project)
        if victims in ("life-cycle", "all"):
            running.kill()
            running.communicate()
            running = project.start("life-cycle", *TWO)
    cycles = len(project.events("cycle"))
    wait_until(lambda: len(project.events("cycle")) > cycles, "another cycle")
    running.send_signal(signal.SIGTERM)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 0, told
    assert project.status()["tainted"] is None
    undisturbed.live(max(project.chain()), *DEMES)
    assert project.chain() == undisturbed.chain()
    seqs = [event["seq"] for event in project.events()]
    assert seqs == project.recorded() == list(range(1, len(seqs) + 1))
