"""Scores program.c: how many digits of the sine are right."""

import math
import os
import random
import subprocess
import tempfile

COUNT = 200
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)
LARGEST = 1.6


def evaluate(program, seed=0):
    binary = os.path.join(scratch(), "program")
    compiler = os.environ.get("CC", "cc")
    built = subprocess.run([compiler, "-O1", "-o", binary, program], capture_output=True, text=True)
    if built.returncode:
        return {"evolve_fault": "build", "reason": built.stderr[:2000]}
    rng = random.Random(seed)
    numbers = [-LARGEST, LARGEST, *(rng.uniform(-LARGEST, LARGEST) for _ in range(COUNT))]
    done = run([binary], "\n".join(map(repr, numbers)))
    if done.returncode:
        return failed(done)
    answers = [float(word) for word in done.stdout.split()]
    if len(answers) != len(numbers) or not all(map(math.isfinite, answers)):
        return {"correct": False, "error": f"{len(answers)} answers, or one that is no number"}
    worst = max(abs(one - math.sin(x)) for one, x in zip(answers, numbers))
    if worst > 1:
        return {"correct": False, "error": f"an error of {worst:g} is no sine"}
    return {"correct": True, "digits": -math.log10(max(worst, 1e-17))}


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
