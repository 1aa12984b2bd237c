"""Run by OpenEvolve's Python: many candidates by a model that only counts, and when each was
evaluated. Prints JSON. `peer_openevolve.py FOLDER CANDIDATES WORKERS`."""

import asyncio
import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

from openevolve.config import Config, LLMModelConfig
from openevolve.controller import OpenEvolve
from reports import printed

PROGRAM = "def f():\n    return {number}\n" + "# a line of a program of ordinary length\n" * 60
EVALUATOR = """
import os, time

def evaluate(path):
    with open(path) as file:
        size = len(file.read())
    handle = os.open({times!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, b"%.6f\\n" % time.monotonic())
    os.close(handle)
    return {{"combined_score": float(hash(path) % 1000)}}
"""


class Counter:
    """In place of a model: answers at once with a program that differs by a number."""

    def __init__(self, _: Any):
        self.number = 0

    async def generate(self, prompt: str, **_: Any) -> str:
        self.number += 1
        return f"```python\n{PROGRAM.format(number=self.number)}```\n"

    async def generate_with_context(self, system_message: str, messages: Any, **_: Any) -> str:
        return await self.generate("")


def main() -> None:
    folder, candidates, workers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    logging.disable(logging.CRITICAL)
    times = folder / "times"
    (folder / "initial_program.py").write_text(PROGRAM.format(number=0))
    (folder / "evaluator.py").write_text(EVALUATOR.format(times=str(times)))
    config = Config()
    config.max_iterations, config.checkpoint_interval = candidates, 10 * candidates
    config.diff_based_evolution = False
    config.evaluator.cascade_evaluation = False
    config.evaluator.parallel_evaluations = workers
    model = LLMModelConfig(name="counter", init_client=Counter, random_seed=1)
    config.llm.models = config.llm.evaluator_models = [model]
    files = (str(folder / "initial_program.py"), str(folder / "evaluator.py"))
    controller = OpenEvolve(*files, config, str(folder / "output"))
    begun = time.monotonic()
    asyncio.run(controller.run(candidates))
    seen = [float(line) for line in times.read_text().splitlines()]
    with printed() as report:
        report["candidates"] = len(seen) - 1
        report["seconds"] = time.monotonic() - begun
        report["cpu_seconds"] = cpu()
        report["evaluated_at"] = seen[1:]


def cpu() -> float:
    """Of this process and of its workers, who have ended."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(one)[:2]) for one in who)


if __name__ == "__main__":
    main()
