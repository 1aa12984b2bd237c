"""Tasks as `evolve new --task` makes them, evaluated by a process of their own."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from language_of import language_named

from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.task_settings import Task
from evolve_ai.pipelines.new_task import scaffold_task

EVALUATE = """
import sys
sys.path[:0], folder = [sys.argv[1]], sys.argv[1]
import json, os, evaluate
for line in sys.stdin:
    try:
        found = evaluate.evaluate(os.path.join(folder, line.strip()))
    except Exception as error:
        found = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(found), flush=True)
"""


class ScaffoldedTask:
    """In a folder. Skips the test where its toolchain is missing."""

    def __init__(self, folder: Path, language: str) -> None:
        try:
            language_named(language).toolchain()
        except ToolchainError as error:
            pytest.skip(f"{error.what}; {error.todo}")
        self.folder, self.language = folder / "task", language
        self.made = scaffold_task(self.folder, language)
        told = tomllib.loads((self.folder / "task.toml").read_text())
        self.task = Task.model_validate(told)
        (self.file,) = self.task.program.files
        scratch = folder / "scratch"
        scratch.mkdir()
        environment = {**os.environ, "EVOLVE_SCRATCH": str(scratch), "TMPDIR": str(scratch)}
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", EVALUATE, str(self.folder)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def program(self) -> bytes:
        return (self.folder / self.file).read_bytes()

    def evaluate(self, program: bytes | None = None) -> Mapping[str, Any]:
        """What evaluate.py says of this program, or of its own."""
        if program is not None:
            (self.folder / self.file).write_bytes(program)
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{self.file}\n")
        self._process.stdin.flush()
        found: Mapping[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def score(self, program: bytes | None = None) -> float | None:
        """More is better; None: it has none."""
        found = self.evaluate(program)
        if not found.get(self.task.score.correct):
            return None
        goal = found[self.task.score.goals[0]]
        return float(goal) if self.task.score.maximize else -float(goal)

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
