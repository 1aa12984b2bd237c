"""A scaffolded task, as a user walks through it; in every language: tests/deep/search."""

import os
from pathlib import Path

import pytest
from scaffold_walk import ScaffoldWalk

from evolve_ai.languages.go import GoLanguage
from evolve_ai.model.errors import ToolchainError

NOWHERE = {"PATH": "/nowhere", "CARGO_HOME": "/nowhere"}


def test_python_scaffold_is_searched_and_its_best_program_shown(tmp_path: Path) -> None:
    ScaffoldWalk(tmp_path / "task", "python").is_walked(20)


def test_missing_toolchain_is_told_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = ScaffoldWalk(tmp_path / "task", "go", {**os.environ, **NOWHERE})
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ToolchainError) as missing:
        GoLanguage().toolchain()
    walk.is_told(missing.value)
