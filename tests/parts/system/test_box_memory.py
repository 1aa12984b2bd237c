"""Whom the kernel ends when a group of processes runs out of memory: the boxed, and not others."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from box_support import LIBRARIES, PREFIX, PYTHON, eventually

from evolve_ai.model.sandbox import Box, Protection
from evolve_ai.system.box import box_argv

MIB = 1 << 20
GROUPS = (  # where there may be groups, and how one is bounded
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
# It has more than each of those that it starts, and they together more than there is.
ORCHESTRATOR = """
import subprocess, sys, time
group, *argv = sys.argv[1:]
open(group + "/cgroup.procs", "w").write("0")
mine = bytearray(b"x") * (96 << 20)
children = [subprocess.Popen(argv) for _ in range(12)]
deadline = time.monotonic() + 30
while not any(child.poll() for child in children) and time.monotonic() < deadline:
    time.sleep(0.05)
for child in children:
    child.kill()
    child.wait()
print("lives", flush=True)
"""
HOG = "x = bytearray(b'x') * (32 << 20); import time; time.sleep(20)"


@pytest.fixture
def group() -> Iterator[Path]:
    for root, limit in GROUPS:
        folder = root / f"evolve-test-{os.getpid()}"
        try:
            folder.mkdir()
            (folder / limit).write_text(str(256 * MIB))
            break
        except OSError:
            if folder.is_dir():
                folder.rmdir()
    else:
        pytest.skip("no group can be bounded here")
    yield folder
    for pid in (folder / "cgroup.procs").read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    assert eventually(lambda: not (folder / "cgroup.procs").read_text())
    folder.rmdir()


@pytest.mark.parametrize("lifted", [(), (Protection.OOM,)], ids=["held", "lifted"])
def test_whoever_runs_boxes_outlives_them(
    group: Path, tmp_path: Path, keeper: Path, lifted: tuple[Protection, ...]
) -> None:
    box = Box(executable=(*LIBRARIES, PREFIX), lifted=frozenset(lifted))
    argv = box_argv(keeper, box, (str(PYTHON), "-SIc", HOG))
    done = subprocess.run(
        [sys.executable, "-c", ORCHESTRATOR, str(group), *argv],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if lifted:
        assert done.returncode == -signal.SIGKILL, "without that protection it goes first"
    else:
        assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr
