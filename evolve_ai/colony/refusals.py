"""Judges starts that did not come about: what the machine refuses is no fault of an agent.

An agent can only spoil what it writes in, or what it is made of; all else that fails between the
request and the program itself is the machine's doing, told with what helps.
"""

import errno
from collections.abc import Mapping
from pathlib import Path

from evolve_ai.colony.programs import NoMemoryFileError, NotAsSignedError
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.colony import Refused
from evolve_ai.model.frame import FrameError
from evolve_ai.system.refusals import SHORT

LOG = "agent.log"  # steps of a start, as the keeper names them (evolve_ai/keeper/src/spawn.rs)
EXECUTE = "execute"
_PROGRAM = "program"
_BOX = "Landlock"

# What passes by itself, or as soon as others end.
_FULL: Mapping[int, str] = {
    **{code: todo for code, (_, todo) in SHORT.items()},
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some of your disk quota",
    errno.ETXTBSY: "",
    errno.EINTR: "",
    errno.EBUSY: "",
}
# Something else lies where a file or a folder of its own should.
_SPOILT = frozenset({errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ENXIO})
_LOADER_CODE, _LOADER = "exited with code 127", "error while loading shared libraries"
_DOCTOR = "evolve doctor tries each thing that a start needs, and says which one is refused"
NO_EXECUTION = (
    "let programs be executed from memory (sysctl vm.memfd_noexec=0 or 1, in a container a seccomp "
    "profile that has memfd_create and execveat), or have the project on a disk that is not "
    "mounted noexec"
)
_LASTING: Mapping[int, str] = {
    errno.EROFS: "have this disk mounted for writing",
    errno.ENOENT: "see who removed it; what was built is made again by the next run",
    errno.EPERM: _DOCTOR,
    errno.EACCES: _DOCTOR,
}


def judged(error: Exception, folder: Path) -> Fault | Refused:
    """Of an exception on the way to the start of the agent in this folder."""
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
    """Is something else, or nothing, where a file or folder of its own should be?"""
    if error.errno not in _SPOILT | {errno.ENOENT} or not isinstance(error.filename, str):
        return False
    return Path(error.filename).is_relative_to(folder)


def judged_step(code: int, text: str) -> Fault | Refused:
    """Of what a keeper tells: the step that failed, and how; its errno."""
    step = text.partition(":")[0]
    if step in (LOG, "") and code in _SPOILT | {errno.ENOENT}:  # "": it stands in no folder
        return Fault(Cause.SANDBOX, f"cannot be started: {text}")
    if step == _BOX and code in (
        errno.ELOOP,
        errno.ENOTDIR,
    ):  # it may write where its `state` leads, or lies
        return Fault(Cause.CRASH, f"cannot be started: {text}")
    if step == EXECUTE and code == errno.ENOEXEC:
        return Fault(Cause.CRASH, f"cannot be started: {text}: it is no program of this machine")
    if step == EXECUTE and code == errno.ENOENT:
        todo = "install the loader that programs name (of the C library: readelf -l says which)"
        return Refused(f"{text}: the loader of the program is missing", todo, lasting=True)
    if step in (EXECUTE, _PROGRAM) and code in (errno.EACCES, errno.EPERM, errno.ENOSYS):
        return Refused(text, NO_EXECUTION, lasting=True)
    return _refused(code, text)


def judged_end(fault: Fault) -> Fault | Refused:
    """Of a program that ended before it was ready: where its loader finds no library, or no room
    for one, nothing of the program has run (ld.so(8))."""
    if fault.cause is Cause.CRASH and _LOADER_CODE in fault.reason and _LOADER in fault.reason:
        todo = (
            "install what is missing, or let agents read the folder where it lies: sandbox.readable"
        )
        return Refused(fault.reason, todo, lasting=True)
    return fault


def refuses_memory(code: int, text: str) -> bool:
    """Might it be another thing if the program did not lie in memory?"""
    refusals = (errno.EACCES, errno.EPERM, errno.ENOSYS, errno.EINVAL)
    return text.partition(":")[0] == EXECUTE and code in refusals


def _refused(code: int, text: str) -> Refused:
    if code in _FULL:
        return Refused(text, _FULL[code] or None)
    return Refused(text, _LASTING.get(code, _DOCTOR), lasting=True)
