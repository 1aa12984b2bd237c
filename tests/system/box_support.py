"""Runs commands as builds are run, in boxes that tests look at."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from seen import skip_without_namespaces, standing_in

from evolve_ai.model.sandbox import EVERYTHING, Box, Level, Protection
from evolve_ai.system import bubblewrap
from evolve_ai.system.box import box_argv
from evolve_ai.system.boxed_command import Verdict, run_boxed
from evolve_ai.system.commands import Completed, Limits

LIBRARIES = tuple(map(Path, ("/lib", "/lib64", "/usr", "/bin", "/etc/ld.so.cache")))
PYTHON = Path(sys.executable).resolve()
PREFIX = Path(sys.base_prefix).resolve()
LEVELS = [Level.LANDLOCK, Level.FULL]
PATIENT = Limits(total=60.0, silence=60.0)
SECONDS = 20.0


def eventually(fact: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SECONDS
    while not fact() and time.monotonic() < deadline:
        time.sleep(0.01)
    return fact()


class Built:
    """Runs commands as builds are run, at each level."""

    def __init__(self, root: Path, keeper: Path):
        self.keeper = keeper
        self.ours = root / "ours"
        self.ours.mkdir()
        self.env = {"PATH": "/usr/bin:/bin"}

    def argv(
        self, level: Level, status: int, command: tuple[str, ...], *lifted: Protection
    ) -> tuple[str, ...]:
        box = Box(
            executable=(*LIBRARIES, PREFIX, self.ours),
            writable=(self.ours,),
            threads=64,
            lifted=frozenset(lifted),
        )
        argv = box_argv(self.keeper, box, command, processes=300, all_threads=9000, status=status)
        if level is not Level.FULL:
            return argv
        bwrap = bubblewrap.installed()
        if bwrap is None:
            pytest.skip("bwrap is not installed")
        skip_without_namespaces(
            bubblewrap.arguments(bwrap, Path("/"), {}, [(Path("/"), "--ro-bind")])
        )
        words = bubblewrap.around(
            bwrap, self.ours, (self.keeper, *box.readable, *box.executable), box.writable
        )
        return box_argv(self.keeper, Box(lifted=EVERYTHING), (*words, *argv))

    def run(
        self,
        level: Level,
        *command: str,
        lifted: tuple[Protection, ...] = (),
        limits: Limits = PATIENT,
    ) -> tuple[Completed, Verdict]:
        return run_boxed(
            lambda status: self.argv(level, status, command, *lifted),
            cwd=self.ours,
            env=self.env,
            limits=limits,
        )

    def shell(self, level: Level, script: str) -> tuple[Completed, Verdict]:
        return self.run(level, "/bin/sh", "-c", script)

    @contextmanager
    def started(
        self, level: Level, *command: str, lifted: tuple[Protection, ...] = ()
    ) -> Iterator["subprocess.Popen[bytes]"]:
        """For one who does what it likes with the watchers; nobody reads what they print."""
        self.ear, theirs = os.pipe()
        os.set_blocking(self.ear, False)
        argv = self.argv(level, theirs, command, *lifted)
        with subprocess.Popen(
            argv,
            cwd=self.ours,
            env=self.env,
            pass_fds=(theirs,),
            start_new_session=True,
            stderr=subprocess.PIPE,
        ) as process:
            os.close(theirs)
            try:
                yield process
            finally:
                os.close(self.ear)
                process.kill()
                for one in standing_in(self.ours):
                    with suppress(psutil.NoSuchProcess):
                        one.kill()

    def told(self) -> bytes:
        """By the box itself."""
        return os.read(self.ear, 1 << 16)


@pytest.fixture
def built(tmp_path: Path, keeper: Path) -> Iterator[Built]:
    made = Built(tmp_path, keeper)
    yield made
    left = standing_in(made.ours)
    for process in left:
        process.kill()
    assert not left
