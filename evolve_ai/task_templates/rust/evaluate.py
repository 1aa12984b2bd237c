"""Scores program.rs: how often it asks until it has a cube root, on average."""

import os
import random
import subprocess
import tempfile

COUNT = 100
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)
NEAR = 1e-9


def evaluate(program, seed=0):
    binary = os.path.join(scratch(), "program")
    built = subprocess.run(
        ["rustc", "--edition=2021", "-O", "-o", binary, program], capture_output=True, text=True
    )
    if built.returncode:
        return {"evolve_fault": "build", "reason": built.stderr[:2000]}
    rng = random.Random(seed)
    numbers = [rng.uniform(0, 1000) for _ in range(COUNT)]
    done = run([binary], "\n".join(map(repr, numbers)))
    if done.returncode:
        return failed(done)
    lines = [line.split() for line in done.stdout.splitlines()]
    if len(lines) != len(numbers):
        return {"correct": False, "error": f"{len(lines)} answers instead of {len(numbers)}"}
    for (root, _), x in zip(lines, numbers):
        if not abs(float(root) - x ** (1 / 3)) <= NEAR:
            return {"correct": False, "error": f"{root} is not the cube root of {x}"}
    return {"correct": True, "calls": sum(int(calls) for _, calls in lines) / len(lines)}


def run(argv, text=""):
    """In the narrower box that evolve has for programs, where there is one."""
    box = os.environ.get("EVOLVE_RUN")
    command = [box, "--", *argv] if box else argv
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, TIMEOUT, "", "")


def failed(done):
    """No score, with a cause that evolve knows."""
    if done.returncode == TIMEOUT:
        return {"evolve_fault": "timeout", "reason": f"it has not ended after {SECONDS} s"}
    told = f"exit status {done.returncode}: {done.stderr[:500]}"
    return {"evolve_fault": "crash", "reason": told}


def scratch():
    """An empty folder that may be written to."""
    return os.environ.get("EVOLVE_SCRATCH") or tempfile.mkdtemp()
