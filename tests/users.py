"""Part of a test as another user: a fork that gives up being root, and tells what it found."""

import ctypes
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

NOBODY = 65534
_DUMPABLE = 4  # PR_SET_DUMPABLE: giving up rights takes our own /proc from us


def as_nobody(work: Callable[[], None], said: Path) -> None:
    """Run by a child that is an ordinary user; its AssertionErrors are ours. Skips, aloud, for whom
    is not root. What it needs must be imported before: that user may not read our Python."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; these tests run as an ordinary one")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            handle = os.open(said, os.O_WRONLY | os.O_CREAT, 0o600)
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            ctypes.CDLL(None).prctl(_DUMPABLE, 1, 0, 0, 0)
            work()
            status = 0
        except BaseException as error:
            os.write(handle, "".join(traceback.format_exception_only(error)).encode())
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert status == 0, said.read_text()
