"""Recognises what a machine has refused, by an error number or by the words of a tool.

No agent is to blame for any of these errors (errno(3)).
"""

import errno
import re
from collections.abc import Mapping
from pathlib import Path

from evolve_ai.model.errors import MachineError

# What is short, and what helps. These errors pass by themselves, or when other processes end.
SHORT: Mapping[int, tuple[str, str]] = {
    errno.EAGAIN: (
        "no more processes or threads are allowed",
        "allow more, or end some: ulimit -u (LimitNPROC=, TasksMax= in a systemd unit), pids.max "
        "of the cgroup, sysctl kernel.pid_max and kernel.threads-max",
    ),
    errno.ENOMEM: (
        "the machine gives no more memory",
        "free some memory, or raise ulimit -v and memory.max of the cgroup",
    ),
    errno.EMFILE: (
        "this account may have no more open files in a process",
        "raise ulimit -n (LimitNOFILE= in a systemd unit), or keep fewer agents",
    ),
    errno.ENFILE: ("no more files can be open on this machine", "raise sysctl fs.file-max"),
}
NOT_EXECUTED = (
    "have it on a disk that is not mounted noexec (mount -o remount,exec, or another folder), and "
    "see that no security module forbids to execute what lies there"
)
_PROGRAM = ("a program may not be executed", NOT_EXECUTED)
# Tools report errors in the words of Rust, or in those of strerror(3).
_WORDS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (
        errno.EAGAIN,
        re.compile(
            r"os error 11\b|code: 11\b|Resource temporarily unavailable|[Cc]annot fork\b"
            r"|can't start new thread|vfork: retry|fork: retry"
        ),
    ),
    (errno.EMFILE, re.compile(r"os error 24\b|code: 24\b|Too many open files(?! in system)")),
    (errno.ENFILE, re.compile(r"os error 23\b|code: 23\b|Too many open files in system")),
    (errno.ENOMEM, re.compile(r"os error 12\b|code: 12\b|Cannot allocate memory")),
)
_TOLD_NOT_EXECUTED = re.compile(
    r"could not execute process .*\(never executed\)(?s:.{0,300}?)os error (1|13)\b"
    r"|cannot exec(?:ute)? .*: (?:Permission denied|Operation not permitted)"
)


def short_of(told: str) -> int | None:
    """The errno in the words of a tool, if it says that the machine was short of something."""
    return next((code for code, words in _WORDS if words.search(told)), None)


def refusal(told: str, *, what: str, where: Path | None = None) -> MachineError | None:
    """The error if these words say that the machine refused something; `what` was being done."""
    code = short_of(told)
    if code is not None:
        short, todo = SHORT[code]
    elif _TOLD_NOT_EXECUTED.search(told):
        short, todo = _PROGRAM
    else:
        return None
    return MachineError(f"{what}: {short}", where=where, todo=todo)


def of_error(error: BaseException, what: str = "") -> MachineError | None:
    """The same for an exception of a system call, or of a thread that could not be started."""
    code = error.errno if isinstance(error, OSError) else None
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        code = errno.EAGAIN
    if isinstance(error, MemoryError):
        code = errno.ENOMEM
    if code is None or code not in SHORT:
        return None
    short, todo = SHORT[code]
    name = getattr(error, "filename", None)
    return MachineError(f"{what}: {short}" if what else short, where=name, todo=todo)
