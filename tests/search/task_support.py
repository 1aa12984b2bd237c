"""Tasks for tests of the whole, and `evolve` about them."""

import os
import subprocess
from pathlib import Path
from typing import Any

from commands import EVOLVE, Done, evolve

PROGRAM = """\
# EVOLVE-BLOCK-START
def f(x):
    a = 1.0
    b = 0.5
    c = 0.0
    y = a + b * x + c * x * x
    return y
# EVOLVE-BLOCK-END
"""
EVALUATE = """\
import importlib.util
import math


def evaluate(program):
    spec = importlib.util.spec_from_file_location("program", program)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    xs = [i / 10 for i in range(11)]
    return {"error": sum((module.f(x) - math.exp(x)) ** 2 for x in xs) / len(xs)}
"""
TASK = """\
[program]
files = ["program.py"]
[evaluate]
python = "evaluate.py:evaluate"
[score]
goal = "error"
maximize = false
[limits]
seconds = 20
"""


class TaskUnderTest:
    """A folder with a task, and what a test does to it."""

    def __init__(
        self, root: Path, evaluate: str = EVALUATE, task: str = TASK, program: str = PROGRAM
    ):
        self.root = root
        self.project = root / "evolve_output"
        root.mkdir(parents=True, exist_ok=True)
        (root / "task.toml").write_text(task)
        (root / "program.py").write_text(program)
        (root / "evaluate.py").write_text(evaluate)

    def improve(self, *words: object, code: int = 0) -> Done:
        return self._expect(code, evolve("improve", self.root, *words))

    def check(self, *words: object, code: int = 0) -> Done:
        return self._expect(code, evolve("check", self.root, *words))

    def search(self, command: str, *words: object, code: int = 0) -> Done:
        """A command about the project of the search."""
        return self._expect(code, evolve(command, *words, "--project", self.project))

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """An `improve` in a process and session of its own."""
        return subprocess.Popen(
            [*EVOLVE, "improve", str(self.root), *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=dict(os.environ),
        )

    def report(self) -> Any:
        return self.search("status", "--json").json

    @staticmethod
    def _expect(code: int, done: Done) -> Done:
        assert done.code == code, f"exit code {done.code}:\n{done.out}\n{done.err}"
        return done
