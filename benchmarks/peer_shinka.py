"""Run by ShinkaEvolve's Python: many evaluations of a trivial program by its own scheduler, two at
a time and without the pauses of its runner. Prints JSON. `peer_shinka.py FOLDER COUNT WORKERS`."""

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from reports import printed
from shinka.launch import JobScheduler, LocalJobConfig

PROGRAM = "def run(seed=0):\n    return 1.0\n"
HEAD = """
import argparse, json, os
words = argparse.ArgumentParser()
words.add_argument("--program_path")
words.add_argument("--results_dir")
asked = words.parse_args()
"""
# As its examples do, and as plain as its contract allows.
SHIM = """
from shinka.core import run_shinka_eval
run_shinka_eval(
    asked.program_path, asked.results_dir, "run", 1,
    aggregate_metrics_fn=lambda found: {"combined_score": float(found[0])},
)
"""
PLAIN = """
import importlib.util
spec = importlib.util.spec_from_file_location("program", asked.program_path)
program = importlib.util.module_from_spec(spec)
spec.loader.exec_module(program)
os.makedirs(asked.results_dir, exist_ok=True)
for name, value in (("metrics", {"combined_score": program.run()}), ("correct", {"correct": True})):
    with open(os.path.join(asked.results_dir, name + ".json"), "w") as file:
        json.dump(value, file)
"""


def timed(folder: Path, evaluator: str, count: int, workers: int) -> dict[str, Any]:
    folder.mkdir()
    (folder / "initial.py").write_text(PROGRAM)
    (folder / "evaluate.py").write_text(HEAD + evaluator)
    config = LocalJobConfig(eval_program_path=str(folder / "evaluate.py"))
    scheduler = JobScheduler("local", config, max_workers=workers)

    def one(number: int) -> bool:
        results = str(folder / f"gen_{number}")
        job = scheduler.submit_async(str(folder / "initial.py"), results)
        found = scheduler.get_job_results(job, results)
        return bool(
            found and found["correct"]["correct"] and found["metrics"]["combined_score"] == 1
        )

    begun, used = time.monotonic(), cpu()
    with ThreadPoolExecutor(workers) as pool:
        right = sum(pool.map(one, range(count)))
    seconds = time.monotonic() - begun
    scheduler.shutdown()
    return {"evaluations": count, "right": right, "seconds": seconds, "cpu_seconds": cpu() - used}


def cpu() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(one)[:2]) for one in who)


def main() -> None:
    folder, count, workers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with printed() as report:
        report["plain"] = timed(folder / "plain", PLAIN, count, workers)
        # It imports all of its packages each time: a fifth of them has to do.
        report["shim"] = timed(folder / "shim", SHIM, max(1, count // 5), workers)


if __name__ == "__main__":
    main()
