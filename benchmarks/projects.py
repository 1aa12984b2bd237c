"""Owns what the benchmarks share: throw-away projects, and the command line of this checkout."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EVOLVE = (sys.executable, "-m", "evolve_ai")


def evolve(project: Path, *arguments: str, cpus: str | None = None) -> str:
    """Run a command in a project, on these processors only if told; its standard output."""
    argv = [*(("taskset", "-c", cpus) if cpus else ()), *EVOLVE, *arguments]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"evolve {' '.join(arguments)}: {done.stderr}")
    return done.stdout


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A folder beside the checkout's, on the same disk; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=prefix, dir=os.environ.get("BENCH_DIR")) as folder:
        yield Path(folder)


def end_by_exception() -> None:
    """Also when we are told to end, what we have started is ended first."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def new_project(folder: Path, name: str, agents: int = 0) -> Path:
    project = folder / name
    evolve(folder, "new", str(project))
    if agents:
        evolve(project, "init", str(agents), "--seed", "7")
    return project


def pss(pid: int) -> int:
    """Proportional set size of a process in bytes (proc_pid_smaps(5)); 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024
