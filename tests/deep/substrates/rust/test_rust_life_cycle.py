"""Faults of builds as a user meets them: under `evolve life-cycle`."""

import os
from pathlib import Path

import pytest
from faults_support import hang_at, wait_for
from project_support import ProjectUnderTest
from seen import working_in
from toolchains import false_tools, real_sysroot


def another(version: str) -> str:
    """For false_tools: a compiler that calls itself so. No two tests may, they share a store."""
    told = f"s/^release: .*/release: {version}/"
    return f'if [ "$*" = -vV ]; then "$REAL" -vV | sed "{told}"; exit; fi'


def with_real_tools() -> tuple[str, str]:
    """False tools run in the box of a build, and call the real ones."""
    return "--set", f'sandbox.readable=["{real_sysroot()}"]'


def programs(project: ProjectUnderTest) -> set[Path]:
    return set((project.root / "workspace" / "store" / "programs").iterdir())


def test_other_toolchain_between_two_runs_makes_new_programs(
    project: ProjectUnderTest, tmp_path: Path
) -> None:
    project.live(1)
    before = {row["id"]: row["fingerprint"] for row in project.agents()}
    old = programs(project)
    tools = false_tools(tmp_path / "bin", another("1.98.0"))
    seen = len(project.events("build"))
    project.evolve("life-cycle", "--cycles", 1, *with_real_tools(), env={**os.environ, **tools})
    after = {row["id"]: row["fingerprint"] for row in project.agents() if row["state"] != "dead"}
    assert after
    assert not set(after.values()) & set(before.values())
    verdicts = {event["verdict"] for event in project.events("build")[seen:]}
    assert verdicts == {"compiled"}
    assert len(programs(project) - old) == 1


def test_life_cycle_killed_while_it_builds_goes_on_with_the_next(
    project: ProjectUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = project.root / "workspace" / "build"
    mark = area / "target" / "mark"
    script = f"{another('1.99.0')}\n{hang_at('batch', mark)}"
    with monkeypatch.context() as patch:
        for name, value in false_tools(tmp_path / "bin", script).items():
            patch.setenv(name, value)
        killed = project.start("life-cycle", "--cycles", 1, *with_real_tools())
    wait_for(mark.exists, "the compiler of the batch")
    killed.kill()
    killed.wait()
    wait_for(lambda: not working_in(area), "the end of its compilers")
    project.live(1)
    assert working_in(area) == []
    status = project.status()
    assert status["cycle"] == 1
    assert status["population"]["quarantined"] == 0
