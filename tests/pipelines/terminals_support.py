"""Owns what tests of terminals share: a pty, a command on it, and how a run ended well."""

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from commands import EVOLVE
from project_support import ProjectUnderTest


def leading() -> None:
    """The terminal on stdin becomes that of this session: closing it says SIGHUP."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a pty. A test may close them: what has their numbers by then is not theirs."""
    ours, theirs = pty.openpty()
    ends = {handle: os.fstat(handle) for handle in (ours, theirs)}
    try:
        yield ours, theirs
    finally:
        for handle, end in ends.items():
            with suppress(OSError):
                if os.path.samestat(os.fstat(handle), end):
                    os.close(handle)


def on(
    project: ProjectUnderTest,
    theirs: int,
    *words: object,
    before: Callable[[], None] | None = leading,
    stderr: int | None = None,
) -> "subprocess.Popen[str]":
    argv = [*EVOLVE, *map(str, words), "--project", str(project.root)]
    running = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs if stderr is None else stderr,
        text=True, start_new_session=True, preexec_fn=before,
    )  # fmt: skip
    project.started.append(running)
    return running


def read_until(handle: int, words: bytes) -> bytes:
    seen = b""
    while words not in seen:
        seen += os.read(handle, 65536)
    return seen


def ended_well(project: ProjectUnderTest, running: "subprocess.Popen[str]") -> None:
    assert running.wait(240) == 0
    assert not project.processes()
    assert project.status()["tainted"] is None
    seqs = [event["seq"] for event in project.events()]
    assert seqs == project.recorded()
