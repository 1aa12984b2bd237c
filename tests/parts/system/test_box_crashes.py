"""A crash inside of a box, on a machine where crashes are handed to a program outside of it."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from box_support import LIBRARIES, eventually
from test_box_ends import LEVELS, Built, built

from evolve_ai.model.sandbox import Box, Level, Protection
from evolve_ai.system.box import probe_argv

__all__ = ["built"]
PATTERN = Path("/proc/sys/kernel/core_pattern")
LOCK = Path("/tmp/evolve-tests-core-pattern.lock")


@pytest.fixture
def handled() -> Iterator[Path]:
    """Where a crash helper leaves a file for each pid that it is called for (core(5))."""
    if os.geteuid() != 0 or not os.access(PATTERN, os.W_OK):
        pytest.skip("only root can have crashes piped to a program")
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir="/tmp"))
    helper = folder / "helper"
    helper.write_text(f'#!/bin/sh\ncat > /dev/null\necho > "{folder}/$1"\n')
    helper.chmod(0o755)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = PATTERN.read_text()
        try:
            PATTERN.write_text(f"|{helper} %P")
            yield folder
        finally:
            PATTERN.write_text(before)
            shutil.rmtree(folder)


def crash(built: Built, handled: Path, level: Level, *lifted: Protection) -> Path:
    """The file that is left where a helper was started for it."""
    done, _ = built.run(level, "/bin/sh", "-c", "echo $$; kill -SEGV $$", lifted=lifted)
    assert done.code == -11
    return handled / done.stdout.decode().strip()


@pytest.mark.parametrize("level", LEVELS)
def test_crash_in_a_box_starts_no_program_outside(
    built: Built, handled: Path, level: Level
) -> None:
    mark = crash(built, handled, level)
    # At level full the box around the namespaces would keep it from that all the same.
    other = crash(built, handled, Level.LANDLOCK, Protection.CRASHES)
    assert eventually(other.exists), "without that protection it is started"
    assert not mark.exists()


def test_hard_limit_of_nothing_is_told_where_crashes_are_piped(keeper: Path, handled: Path) -> None:
    """A user cannot raise it, and pipes do not heed it."""
    program = Path(shutil.copy(keeper, handled / "evolve-keeper"))
    home = handled / "home"
    home.mkdir()
    for folder in (handled, home):
        os.chown(folder, 65534, 65534)
    words = probe_argv(program, Box(executable=(*LIBRARIES, program)))

    def told(limit: int) -> str:
        script = f'ulimit -c {limit}; exec setpriv "$@"'
        user = ("--reuid=65534", "--regid=65534", "--clear-groups")
        done = subprocess.run(
            ["/bin/sh", "-c", script, "-", *user, *words],
            cwd=home,
            capture_output=True,
            text=True,
        )
        (line,) = [one for one in done.stdout.splitlines() if one.startswith("crashes\t")]
        return line.split("\t")[1]

    assert told(0) == "broken"
    assert told(1) == "held"
    PATTERN.write_text("core")
    assert told(0) == "held"
