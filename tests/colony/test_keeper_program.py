"""Compiling the keeper: once, then without any compiler."""

import os
from pathlib import Path

import pytest

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
