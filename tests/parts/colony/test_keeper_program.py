"""Compiling the keeper: once, then without any compiler."""

import os
import shutil
from pathlib import Path

import pytest

from evolve_ai.colony.keeper import Keeper
from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.model.errors import EXIT_TOOLCHAIN, ToolchainError


@pytest.fixture
def no_rustc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "empty"))


def test_program_is_compiled_once_and_found_again_without_a_compiler(
    keeper: Path, no_rustc: None
) -> None:
    workspace = keeper.parents[2]
    before = keeper.stat()
    assert keeper_program(workspace) == keeper
    assert keeper.stat().st_mtime_ns == before.st_mtime_ns
    assert os.access(keeper, os.X_OK)
    assert [entry.name for entry in keeper.parent.iterdir()] == ["evolve-keeper"]


def test_missing_compiler_is_named_with_what_to_do(tmp_path: Path, no_rustc: None) -> None:
    with pytest.raises(ToolchainError, match="`rustc` is not on the PATH") as caught:
        keeper_program(tmp_path)
    assert caught.value.exit_code == EXIT_TOOLCHAIN
    assert caught.value.todo is not None and "rustup" in caught.value.todo


def test_compiler_that_fails_leaves_no_half_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rustc = tmp_path / "bin" / "rustc"
    rustc.parent.mkdir()
    rustc.write_text(
        '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\n: >"$2"\necho no >&2\nexit 1\n'
    )
    rustc.chmod(0o755)
    monkeypatch.setenv("PATH", f"{rustc.parent}:/usr/bin:/bin")
    with pytest.raises(ToolchainError, match="does not compile: no"):
        keeper_program(tmp_path / "workspace")
    (folder,) = (tmp_path / "workspace" / "keeper").iterdir()
    assert list(folder.iterdir()) == []


def test_program_of_another_version_goes_as_soon_as_nobody_runs_it(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    ours = tmp_path / "keeper" / keeper.parent.name / keeper.name
    old, older = (tmp_path / "keeper" / key / keeper.name for key in ("0" * 16, "1" * 16))
    for program in (ours, old, older):
        program.parent.mkdir(parents=True)
        shutil.copy(keeper, program)
    with Keeper.open(tmp_path / "colony", old, 60) as running:
        assert keeper_program(tmp_path) == ours
        assert sorted((tmp_path / "keeper").iterdir()) == sorted([ours.parent, old.parent])
        assert running.identity.lives()
        assert running.leave(5.0)
    assert keeper_program(tmp_path) == ours
    assert list((tmp_path / "keeper").iterdir()) == [ours.parent]


def test_keeper_whose_file_is_gone_is_reached_all_the_same(
    tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    old = tmp_path / "keeper" / keeper.name
    old.parent.mkdir()
    shutil.copy(keeper, old)
    with Keeper.open(tmp_path / "colony", old, 60) as first:
        old.unlink()
        with Keeper.open(tmp_path / "colony", keeper, 60) as second:
            assert second.identity == first.identity
            assert second.leave(5.0)
