"""Scores matmul.cpp: the processor time of a program that multiplies matrices by it.

Every product is checked, also those that are measured, by Freivalds' method (1977): with a random
vector r, c r must be a (b r). All numbers are whole and small, so any order of the sums is exact.
"""

import os
import random
import subprocess
from array import array
from operator import mul
from pathlib import Path

FLAGS = ("-O3", "-march=native")
SMALL = (1, 2, 3, 7, 16, 33, 70)  # what blocks leave over must be right, too
SIZES, TIMES = (300, 320), 2  # smaller than in the report: more candidates a minute
SECONDS, MEASURED_SECONDS = 2, 10  # a busy machine takes longer than processor time
DRIVER = Path(__file__).with_name("driver.cpp")
NUMBERS = array("d", random.Random(1).choices(range(-99, 100), k=2 * max(SIZES) ** 2))


def evaluate(program):
    binary = Path(os.environ["EVOLVE_SCRATCH"]) / "matmul"
    built = build(program, binary)
    if built.returncode:
        return {"evolve_fault": "build", "reason": built.stderr[:2000]}
    return checked(binary, SMALL, []) or checked(binary, SIZES, ["--cost"]) or {"correct": True}


def build(program, binary):
    compiler = os.environ.get("CC", "gcc")  # as C++, but linked without its library: faster
    sources = [DRIVER, program]
    return subprocess.run(
        [compiler, *FLAGS, "-o", binary, *sources], capture_output=True, text=True
    )


def checked(binary, sizes, options):
    """None if the program multiplies matrices of these sizes rightly. With the option --cost
    evolve measures it, and adds the metric `cost` to the result."""
    command = [os.environ["EVOLVE_RUN"], *options, "--", binary, str(TIMES), *map(str, sizes)]
    seconds = MEASURED_SECONDS if options else SECONDS
    given = b"".join(NUMBERS[: 2 * n * n].tobytes() for n in sizes)
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"evolve_fault": "timeout", "reason": f"it takes over {seconds} s"}
    if done.returncode:
        return {"evolve_fault": "crash", "reason": f"exit status {done.returncode}"}
    if len(done.stdout) != sum(8 * n * n for n in sizes):
        return {"correct": False, "error": f"{len(done.stdout)} bytes"}
    at = 0
    for n in sizes:
        c = array("d", done.stdout[at : at + 8 * n * n])
        at += 8 * n * n
        if not is_product(c, n):
            return {"correct": False, "error": f"the product of {n} rows is wrong"}
    return None


def is_product(c, n):
    a, b = NUMBERS[: n * n], NUMBERS[n * n : 2 * n * n]
    r = random.choices(range(-99, 100), k=n)
    return product(c, r) == [TIMES * one for one in product(a, product(b, r))]


def product(matrix, vector):
    n = len(vector)
    return [sum(map(mul, matrix[at : at + n], vector)) for at in range(0, n * n, n)]
