"""Faults: kill -9 of the orchestrator, of cargo, of rustc. Nothing is stuck, nothing wrong runs."""

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from faults_support import (
    assert_adds_200,
    build_200,
    build_elsewhere,
    hang_at,
    made_with,
    request_for,
    wait_for,
)
from rust_support import BoxedRust, boxed, compiler_of
from seen import first_word, working_in
from toolchains import false_tools

from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.report import BuildVerdict, GenePool
from evolve_ai.model.sandbox import Protection
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.system.leftovers import end_orphans


@pytest.fixture(autouse=True)
def nobody_left(tmp_path: Path) -> Iterator[None]:
    yield
    left = working_in(tmp_path)
    told = [first_word(process) for process in left]
    for process in left:
        process.kill()
    assert not left, f"processes left behind: {told}"


@contextmanager
def hanging_elsewhere(
    crate: str, healthy: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator["subprocess.Popen[str]"]:
    """An orchestrator whose compiler has come to this crate, and hangs. It is killed at the end."""
    mark = workspace / "build" / "target" / "mark"  # where a build may write
    with monkeypatch.context() as patch:
        for name, value in false_tools(workspace.parent / "bin", hang_at(crate, mark)).items():
            patch.setenv(name, value)
        orchestrator = build_elsewhere(healthy, workspace)
    try:
        wait_for(mark.exists, f"a rustc of {crate}")
        yield orchestrator
    finally:
        orchestrator.kill()
        orchestrator.communicate()


@pytest.mark.parametrize("crate", ["kernel", "unit", "batch"])
def test_compilers_of_a_killed_orchestrator_end_with_it(
    crate: str,
    substrate: BoxedRust,
    healthy: Path,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "workspace"
    with hanging_elsewhere(crate, healthy, workspace, monkeypatch):
        assert len(working_in(workspace / "build")) >= 3, "a box, cargo and rustc"
    wait_for(lambda: not working_in(workspace), "the end of them all", 20.0)
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


def test_compilers_whose_box_was_killed_too_are_ended_by_the_next_build(
    substrate: BoxedRust,
    healthy: Path,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "workspace"
    with hanging_elsewhere("kernel", healthy, workspace, monkeypatch) as orchestrator:
        (box,) = psutil.Process(orchestrator.pid).children()
        watchers = [box, *(one for one in box.children() if one.name() == box.name())]
        for one in watchers:
            one.suspend()  # it is not to hear of an end before its own
    for one in watchers:
        one.kill()
    assert working_in(workspace / "build"), "rustc goes on"
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


def test_orchestrator_killed_at_any_moment_spoils_nothing(
    substrate: BoxedRust, healthy: Path, pool: GenePool, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    for moment in (0.4, 0.55, 0.7, 0.85, 1.0, 1.3):
        orchestrator = build_elsewhere(healthy, workspace)
        time.sleep(moment)
        orchestrator.kill()
        orchestrator.communicate()
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))
    (batch,) = (workspace / "store" / "programs").iterdir()
    assert not batch.name.startswith(".")


def test_batch_that_had_no_name_yet_when_we_were_killed_is_made_again(
    substrate: BoxedRust, healthy: Path, pool: GenePool, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    orchestrator = build_elsewhere(healthy, workspace, "die-before-rename")
    said, _ = orchestrator.communicate(timeout=120)
    assert orchestrator.returncode == -signal.SIGKILL, said
    programs = workspace / "store" / "programs"
    assert [path.name[:5] for path in programs.iterdir()] == [".new-"]
    builder = substrate.builder(workspace, pool)
    assert list(programs.iterdir()) == []
    verdict = build_200(builder, pool, substrate)
    assert not verdict.reused
    assert_adds_200(verdict)


def build_while(
    killed: str, builder: RustBuilder, pool: GenePool, substrate: BoxedRust, mark: Path
) -> BuildVerdict:
    """Build, and when a rustc hangs, kill it, or the cargo above it."""

    def kill() -> None:
        wait_for(mark.exists, "a rustc that hangs")
        rustc = psutil.Process(int(mark.read_text()))
        above = rustc.parent()
        assert above is not None and above.name() == "cargo"
        wait_for(rustc.children, "what it hangs in")  # else that might begin after our look
        children = rustc.children()
        (above if killed == "cargo" else rustc).kill()
        for child in children if killed == "rustc" else ():
            child.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        return build_200(builder, pool, substrate)
    finally:
        killer.join()


@pytest.mark.parametrize("crate", ["kernel", "unit", "batch"])
@pytest.mark.parametrize("killed", ["cargo", "rustc"])
def test_cargo_or_rustc_that_is_killed_once_costs_time_only(
    killed: str,
    crate: str,
    substrate: BoxedRust,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, mark = tmp_path / "workspace", tmp_path / "mark"
    for name, value in false_tools(tmp_path / "bin", hang_at(crate, mark, once=True)).items():
        monkeypatch.setenv(name, value)
    # What it hung at once it is to remember when the target folder has been cleaned.
    open_files = replace(boxed(), lifted=frozenset({Protection.FILES}))
    builder = BoxedRust().builder(workspace, pool, lambda: open_files)
    verdict = build_while(killed, builder, pool, substrate, mark)
    assert_adds_200(verdict)
    assert list((workspace / "build" / "failed").glob("*")) == []
    assert working_in(workspace) == []


def test_unit_whose_compiler_is_always_killed_fails_for_this_run_only(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"
    killing = '[ "$1" = --crate-name ] && grep -qs "200.0" "units/$2/src/genes/"* && kill -9 $$'
    with monkeypatch.context() as patch:
        for name, value in false_tools(tmp_path / "bin", killing).items():
            patch.setenv(name, value)
        verdict = build_200(BoxedRust().builder(workspace, pool), pool, substrate)
    assert verdict.fault is not None
    assert verdict.fault.reason == "src/genes/alpha.rs:1: the compiler crashed (SIGKILL)"
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


def test_cargo_that_is_always_killed_is_told_as_such(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    substrate.toolchain()
    for name, value in false_tools(tmp_path / "bin", cargo="kill -9 $$").items():
        monkeypatch.setenv(name, value)
    builder = RustBuilder(tmp_path / "workspace", pool, made_with(substrate), compiler_of())
    with pytest.raises(ToolchainError, match="not because of a gene") as caught:
        builder.build([request_for(pool, substrate)])
    assert "SIGKILL" in str(caught.value)


def test_build_of_an_orchestrator_that_lives_is_left_alone_and_named(
    substrate: BoxedRust,
    healthy: Path,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "workspace"
    with hanging_elsewhere("kernel", healthy, workspace, monkeypatch):
        before = {process.pid for process in working_in(workspace)}
        assert end_orphans(workspace / "build") == ()
        impatient = BuildSettings(timeout=20.0, silence=2.0)
        builder = RustBuilder(
            workspace, pool, made_with(substrate), compiler_of(impatient), impatient
        )
        with pytest.raises(ToolchainError, match="silence timeout") as caught:
            builder.build([request_for(pool, substrate)])
        assert "another cargo holds its lock" in str(caught.value)
        assert {process.pid for process in working_in(workspace)} >= before
    end_orphans(workspace / "build")


def test_shell_of_a_user_in_the_build_area_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as visitor:
        assert end_orphans(tmp_path) == ()
        assert visitor.poll() is None
        visitor.kill()
