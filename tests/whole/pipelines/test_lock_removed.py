"""The lock file of a life-cycle that runs is removed: it holds its project all the same."""

import pytest
from project_support import ProjectUnderTest, wait_until


@pytest.mark.parametrize("made_anew", [False, True])
def test_life_cycle_whose_lock_file_was_removed_holds_its_project(
    calm: ProjectUnderTest, made_anew: bool
) -> None:
    running = calm.start("life-cycle", "--set", "cycle.ticks=0", "--set", "cycle.sleep=0.2")
    wait_until(calm.agent_pids, "agents")
    lock = calm.root / "workspace" / "lock"
    lock.unlink()
    if made_anew:
        lock.touch()
    said = calm.live(1, code=75)
    assert f"held by process {running.pid} (life-cycle), whose lock file somebody has removed" in (
        said.err
    )
    assert calm.status()["life_cycle"] == running.pid
    calm.evolve("stop")
    running.communicate(timeout=60)
    assert running.returncode == 0
    assert calm.status()["tainted"] is None
