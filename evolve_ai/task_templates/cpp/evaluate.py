"""Scores program.cpp: the mean error of its forecasts of a noisy wave."""

import math
import os
import random
import subprocess
import tempfile

COUNT = 400
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)


def evaluate(program, seed=0):
    binary = os.path.join(scratch(), "program")
    compiler = os.environ.get("CXX", "c++")
    built = subprocess.run([compiler, "-O1", "-o", binary, program], capture_output=True, text=True)
    if built.returncode:
        return {"evolve_fault": "build", "reason": built.stderr[:2000]}
    series = wave(random.Random(seed))
    done = run([binary], "\n".join(map(repr, series)))
    if done.returncode:
        return failed(done)
    answers = [float(word) for word in done.stdout.split()]
    expected = series[4:]
    if len(answers) != len(expected) + 1 or not all(map(math.isfinite, answers)):
        return {"correct": False, "error": f"{len(answers)} answers, or one that is no number"}
    errors = [abs(one - value) for one, value in zip(answers, expected)]
    return {"correct": True, "error_mean": sum(errors) / len(errors)}


def wave(rng):
    """A sine of changing height, and noise."""
    height, found = 1.0, []
    for at in range(COUNT):
        height += rng.gauss(0, 0.02)
        found.append(height * math.sin(at * 0.3) + rng.gauss(0, 0.05))
    return found


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
