"""Part of a test as another user: a fork that gives up being root, and tells what it found."""

import ctypes
import os
import pwd
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

_BY_CI = "evolve-tests"  # .ci/run makes this user, who owns nothing and runs nothing else
_DUMPABLE = 4  # PR_SET_DUMPABLE: giving up rights takes our own /proc from us


def _ordinary() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_BY_CI)
    except KeyError:
        return pwd.getpwnam("nobody")


ORDINARY = _ordinary()


def become_ordinary() -> None:
    """For good. What is needed must be imported before: that user may not read our Python."""
    os.setgroups([])
    os.setresgid(*[ORDINARY.pw_gid] * 3)
    os.setresuid(*[ORDINARY.pw_uid] * 3)
    ctypes.CDLL(None).prctl(_DUMPABLE, 1, 0, 0, 0)


def give_to_ordinary(path: Path) -> None:
    os.chown(path, ORDINARY.pw_uid, ORDINARY.pw_gid)


def as_ordinary(work: Callable[[], None], said: Path) -> None:
    """Run by a child that is an ordinary user; its AssertionErrors are ours. Skips, aloud, for whom
    is not root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user; these tests run as an ordinary one")
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            handle = os.open(said, os.O_WRONLY | os.O_CREAT, 0o600)
            become_ordinary()
            work()
            status = 0
        except BaseException as error:
            os.write(handle, "".join(traceback.format_exception_only(error)).encode())
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    assert status == 0, said.read_text()
