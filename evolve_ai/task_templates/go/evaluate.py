"""Scores program.go: how many digits of the exponential function are right.

What the program imports of Go's library is compiled once, when this file is imported (some 10
seconds), and kept in memory: an evaluation then takes a quarter of a second.
"""

import math
import os
import random
import shutil
import subprocess
import tempfile

COUNT = 200
SECONDS = 5  # of the program
TIMEOUT = 124  # as of timeout(1)
IMPORTS = ("bufio", "fmt", "math", "os")  # what programs may import
QUICKLY = ("-gcflags=all=-N -l",)  # without optimizations, which take half of the time


def evaluate(program, seed=0):
    binary = os.path.join(scratch(), "program")
    error = build(program, binary)
    if error:
        return {"evolve_fault": "build", "reason": error[:2000]}
    rng = random.Random(seed)
    numbers = [-1.0, 1.0, *(rng.uniform(-1, 1) for _ in range(COUNT))]
    done = run([binary], "\n".join(map(repr, numbers)))
    if done.returncode:
        return failed(done)
    answers = [float(word) for word in done.stdout.split()]
    if len(answers) != len(numbers) or not all(map(math.isfinite, answers)):
        return {"correct": False, "error": f"{len(answers)} answers, or one that is no number"}
    worst = max(abs(one - math.exp(x)) for one, x in zip(answers, numbers))
    if worst > 3:
        return {"correct": False, "error": f"an error of {worst:g} is no exponential function"}
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


def build(program, binary):
    """What the compiler or the linker has against it; "" when the program is built."""
    folder = tempfile.mkdtemp()
    config = os.path.join(folder, "importcfg")
    with open(config, "w") as file:
        for number, (name, data) in enumerate(LIBRARY.items()):
            archive = os.path.join(folder, f"{number}.a")
            with open(archive, "wb") as content:
                content.write(data)
            file.write(f"packagefile {name}={archive}\n")
    made = os.path.join(folder, "program.o")
    for words in (
        ["compile", "-p", "main", "-importcfg", config, "-o", made, program],
        ["link", "-importcfg", config, "-o", binary, made],
    ):
        done = go(["tool", *words], folder)
        if done.returncode:
            return done.stdout + done.stderr
    shutil.rmtree(folder)
    return ""


def go(words, folder):
    environment = {
        **os.environ,
        "HOME": folder,
        "GOCACHE": os.path.join(folder, "cache"),
        "GOPATH": os.path.join(folder, "path"),
        "GO111MODULE": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOFLAGS": "",
    }
    return subprocess.run(
        ["go", *words], cwd=folder, env=environment, capture_output=True, text=True
    )


def library():
    """The compiled packages that programs may import, and all that those import."""
    folder = tempfile.mkdtemp()
    try:
        listed = go(
            ["list", *QUICKLY, "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", *IMPORTS],
            folder,
        )
        if listed.returncode:
            raise RuntimeError(listed.stderr)
        found = {}
        for line in listed.stdout.split():
            name, _, archive = line.partition("=")
            if archive:
                with open(archive, "rb") as file:
                    found[name] = file.read()
        return found
    finally:
        shutil.rmtree(folder)


LIBRARY = library()
