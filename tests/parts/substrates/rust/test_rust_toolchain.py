"""The toolchain: too old a one is refused before it can spoil a batch."""

import os
from pathlib import Path

import pytest

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.toolchain import (
    build_environment,
    require_cargo,
    require_version,
)
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.tools import tool_path


@pytest.mark.parametrize("release", ["1.74.0", "1.95.0", "1.100.0-nightly", "2.0.0"])
def test_a_recent_rustc_is_accepted(release: str) -> None:
    require_version(release)


@pytest.mark.parametrize("release", ["1.63.0", "1.73.9", "0.9", ""])
def test_an_old_rustc_is_refused_with_the_version_that_is_needed(release: str) -> None:
    with pytest.raises(ToolchainError, match=r"too old, 1\.74 is needed"):
        require_version(release)


def _command(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {name} 1.80.0\n")
    (folder / name).chmod(0o755)


def test_cargo_of_rustup_is_found_without_its_folder_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cargo", "rustc"):
        _command(tmp_path / ".cargo" / "bin", name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    require_cargo()
    path = build_environment(os.environ)["PATH"]
    assert path == f"{tmp_path}/empty:{tmp_path}/.cargo/bin"
    done = run_command(
        ["cargo", "-V"], cwd=tmp_path, env=build_environment(os.environ), limits=Limits(20.0, 20.0)
    )
    assert done.stdout == b"cargo 1.80.0\n"


def test_cargo_home_goes_before_home_and_the_path_before_both() -> None:
    assert tool_path({"PATH": "/bin", "CARGO_HOME": "/c", "HOME": "/h"}) == "/bin:/c/bin"
    assert tool_path({"PATH": "/h/.cargo/bin:/bin", "HOME": "/h"}) == "/h/.cargo/bin:/bin"
    assert tool_path({"HOME": "/h"}).endswith(":/h/.cargo/bin")


def test_missing_cargo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    with pytest.raises(ToolchainError, match="`cargo` is not on the PATH"):
        require_cargo()
