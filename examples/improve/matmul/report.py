"""Measures the first and the best program of a search, and BLAS beside them; draws the search.

python report.py PROJECT
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy

HERE = Path(__file__).parent
SIZES = (500, 512, 768)
ROUNDS = 3  # all programs in turns; the medians are told
TIMES = 1  # multiplications in each
CONFUSING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would tune BLAS to another processor
BLAS = """
import sys, time, numpy
for n in map(int, sys.argv[2:]):
    a, b = numpy.random.rand(n, n), numpy.random.rand(n, n)
    seconds = []
    for _ in range(int(sys.argv[1]) + 1):
        begin = time.process_time()
        a @ b
        seconds.append(time.process_time() - begin)
    print(n, min(seconds), file=sys.stderr)
"""
NAIVE, O3, BEST, OURS = "naive", "naive, -O3 alone", "evolved", "BLAS, one thread"


def main(project):
    best = project / "best" / "matmul.cpp"
    with tempfile.TemporaryDirectory() as folder:
        programs = {
            NAIVE: [built(HERE / "matmul.cpp", f"{folder}/naive", "-O3", "-march=native")],
            O3: [built(HERE / "matmul.cpp", f"{folder}/o3", "-O3")],
            BEST: [built(best, f"{folder}/best", "-O3", "-march=native")],
            OURS: [sys.executable, "-c", BLAS],
        }
        seconds = measured(programs)
    show(seconds)
    (project / "measured.json").write_text(json.dumps({"seconds": seconds}, indent=1))
    draw(json.loads((project / "candidates.json").read_text()), project / "progress.png")


def built(source, binary, *flags):
    compiler = os.environ.get("CC", "gcc")
    words = [compiler, *flags, "-o", binary, HERE / "driver.cpp", source]
    subprocess.run(words, check=True)
    return binary


def measured(programs):
    """Of each program and size, the median of the processor time of one multiplication."""
    given = numpy.random.default_rng(1).random(2 * sum(n * n for n in SIZES)).tobytes()
    alone = {key: text for key, text in os.environ.items() if key not in CONFUSING}
    alone |= {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    found = {name: {n: [] for n in SIZES} for name in programs}
    for _ in range(ROUNDS):
        for name, command in programs.items():
            words = [*command, str(TIMES), *map(str, SIZES)]
            done = subprocess.run(words, input=given, env=alone, capture_output=True, check=True)
            for line in done.stderr.decode().splitlines():
                n, told = line.split()
                found[name][int(n)].append(float(told))
    return {name: {n: median(all_) for n, all_ in some.items()} for name, some in found.items()}


def show(seconds):
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; gcc {version()}")
    print("milliseconds of processor time, and how many times faster than the naive program")
    print(f"{'':18}" + "".join(f"{f'n = {n}':>18}" for n in SIZES))
    for name, by_size in seconds.items():
        cells = (f"{1e3 * t:8.1f} {seconds[NAIVE][n] / t:7.1f}x" for n, t in by_size.items())
        print(f"{name:18}" + "".join(f"{cell:>18}" for cell in cells))
    total = {name: sum(by_size.values()) for name, by_size in seconds.items()}
    times = [seconds[NAIVE][n] / seconds[BEST][n] for n in SIZES]
    words = f"{total[NAIVE] / total[BEST]:.1f} times as fast as the naive program in all"
    print(f"evolved: {words}, {min(times):.1f} times at least")


def processor():
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def version():
    words = [os.environ.get("CC", "gcc"), "-dumpfullversion"]
    return subprocess.run(words, capture_output=True, text=True).stdout.strip()


def draw(candidates, path):
    """The best score over candidates."""
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is missing; pip install 'evolve-ai[plots]'")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    scored = [one for one in candidates if one["score"] is not None and one["reused"] is None]
    better = [one for one in scored if one["improved"]]
    first, last = better[0]["score"], max(one["number"] for one in candidates)
    pyplot.style.use("seaborn-v0_8-whitegrid")
    figure, axes = pyplot.subplots(figsize=(7, 3.6), dpi=100)
    axes.plot(*points(scored, first), ".", color="0.6", label="a right program")
    numbers, values = points(better, first)
    axes.step([*numbers, last], [*values, values[-1]], where="post", label="the best so far")
    for one, value in zip(better[1:], values[1:], strict=True):
        told = one["operators"][-1].partition(".")[2]
        axes.annotate(told, (one["number"], value), (4, 4), textcoords="offset points", fontsize=8)
    axes.set(xlabel="candidate", ylabel="times as fast as at first", yscale="log")
    axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path)
    print(f"picture: {path}")


def points(some, first):
    return [one["number"] for one in some], [first / one["score"] for one in some]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
