"""Judges starts that failed: a refusal by the machine is no fault of an agent.

An agent can only spoil the files that it writes or is made of. Whatever else fails between the
request and the program itself is blamed on the machine, with a hint about what helps.
"""

import errno
from collections.abc import Mapping
from pathlib import Path

from evolve_ai.colony.programs import NoMemoryFileError, NotAsSignedError
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Refused
from evolve_ai.model.frame import FrameError
from evolve_ai.system.refusals import SHORT

LOG = "agent.log"  # names of the steps of a start in evolve_ai/keeper/src/spawn.rs, child.rs
FOLDER = "folder"
EXECUTE = "execute"
_PROGRAM = "program"
_BOX = "Landlock"

# Errors that pass by themselves, or when other processes end.
_FULL: Mapping[int, str] = {
    **{code: todo for code, (_, todo) in SHORT.items()},
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your disk quota",
    errno.ETXTBSY: "",
    errno.EINTR: "",
    errno.EBUSY: "",
}
# Errors that mean: something else lies in the place of a file or folder of the agent.
_SPOILT = frozenset({errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENXIO})
_LOADER_CODE, _LOADER = "exited with code 127", "error while loading shared libraries"
_DOCTOR = "evolve doctor tries each thing that a start needs, and says which one is refused"
NO_EXECUTION = (
    "allow programs to be executed from memory (sysctl vm.memfd_noexec=0 or 1, in a container a "
    "seccomp profile that has memfd_create and execveat), or have the project on a disk that is "
    "not mounted noexec"
)
_LASTING: Mapping[int, str] = {
    errno.EROFS: "mount this disk for writing",
    errno.ENOENT: "see who removed it; the next run builds it again",
    errno.EPERM: _DOCTOR,
    errno.EACCES: _DOCTOR,
}


def judged(error: Exception, folder: Path) -> Fault | Refused:
    """Judge an exception that was raised while the agent of this folder was being started."""
    if isinstance(error, NotAsSignedError):
        return Fault(Cause.SIGNATURE, str(error))
    if isinstance(error, FrameError):
        return Fault(Cause.CRASH, f"cannot be started: {error}")
    if isinstance(error, OSError) and _is_of_its_folder(error, folder):
        return Fault(Cause.SANDBOX, f"cannot be started: {error.strerror}: {error.filename}")
    if isinstance(error, NoMemoryFileError):
        return Refused(str(error), NO_EXECUTION, lasting=True)
    code = error.errno if isinstance(error, OSError) else None
    return _refused(code or 0, str(error))


def _is_of_its_folder(error: OSError, folder: Path) -> bool:
    """True if a file or folder of the agent is missing, or something else is in its place."""
    if error.errno not in _SPOILT | {errno.ENOENT} or not isinstance(error.filename, str):
        return False
    return Path(error.filename).is_relative_to(folder)


def judged_step(code: int, text: str) -> Fault | Refused:
    """Judge a failed step as the keeper reports it: its errno, and a text that names the step."""
    step = text.partition(":")[0]
    if step in (LOG, FOLDER) and code in _SPOILT | {errno.ENOENT}:
        return Fault(Cause.SANDBOX, f"cannot be started: {text}")
    if step == _BOX and code in (
        errno.ELOOP,
        errno.ENOTDIR,
    ):  # its `state` leads to a place where it may write, or lies in one
        return Fault(Cause.CRASH, f"cannot be started: {text}")
    if step == EXECUTE and code == errno.ENOEXEC:
        return Fault(
            Cause.CRASH, f"cannot be started: {text}: it is not a program for this machine"
        )
    if step == EXECUTE and code == errno.ENOENT:
        todo = "install the loader that programs name (of the C library: readelf -l says which)"
        return Refused(f"{text}: the loader of the program is missing", todo, lasting=True)
    if step in (EXECUTE, _PROGRAM) and code in (errno.EACCES, errno.EPERM, errno.ENOSYS):
        return Refused(text, NO_EXECUTION, lasting=True)
    return _refused(code, text)


def judged_end(fault: Fault) -> Fault | Refused:
    """Judge a program that ended before it was ready. If the loader found a library missing, or no
    room for one, then nothing of the program has run (ld.so(8)), and the machine is to blame."""
    if fault.cause is Cause.CRASH and _LOADER_CODE in fault.reason and _LOADER in fault.reason:
        todo = (
            "install what is missing, or let agents read the folder where it lies: sandbox.readable"
        )
        return Refused(fault.reason, todo, lasting=True)
    return fault


def refuses_memory(code: int, text: str) -> bool:
    """True if the start might succeed with the program in a file instead of in memory."""
    refusals = (errno.EACCES, errno.EPERM, errno.ENOSYS, errno.EINVAL)
    return text.partition(":")[0] == EXECUTE and code in refusals


def _refused(code: int, text: str) -> Refused:
    if code in _FULL:
        return Refused(text, _FULL[code] or None)
    return Refused(text, _LASTING.get(code, _DOCTOR), lasting=True)
