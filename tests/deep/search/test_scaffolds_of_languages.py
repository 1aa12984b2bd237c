"""A scaffolded task in every language, as a user walks through it."""

from pathlib import Path

import pytest
from scaffold_walk import ScaffoldWalk, missing_toolchain

from evolve_ai.pipelines.new_task import task_languages

MANY = 60  # candidates
# Go compiles its library each time that an evaluator begins; Python's program improves rarely.
OTHERS = {"go": 20, "python": 120}


@pytest.mark.parametrize("language", task_languages())
def test_scaffold_is_improved_or_what_is_missing_is_told(tmp_path: Path, language: str) -> None:
    walk, missing = ScaffoldWalk(tmp_path / "task", language), missing_toolchain(language)
    if missing is not None:
        walk.is_told(missing)
    else:
        assert walk.is_walked(OTHERS.get(language, MANY))
