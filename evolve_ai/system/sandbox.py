"""Tries a sandbox: a probe inside it tests each promise before agents rely on it."""

import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

from evolve_ai.model.errors import SandboxError
from evolve_ai.model.guarantee import Guarantee
from evolve_ai.model.sandbox import STATE, AgentBox, Protection
from evolve_ai.system.box import probe_argv
from evolve_ai.system.commands import Completed, Ending, Limits, run_command
from evolve_ai.system.processes import ENVIRONMENT
from evolve_ai.system.refusals import NOT_EXECUTED, refusal

MACHINES = ("x86_64", "aarch64")
OTHER_KERNEL = (
    "run it on a kernel (in a container: with a runtime) that holds these; each has a row of "
    "`evolve doctor`"
)
LANDLOCK = (
    "use Linux 5.13 or later with landlock among its security modules (lsm= on the kernel's "
    "command line; in a container, a runtime whose seccomp profile allows landlock_create_ruleset)"
)
SECCOMP = (
    "use a kernel with seccomp filters (CONFIG_SECCOMP_FILTER), and a container whose profile "
    "allows seccomp, prctl and execveat"
)
_LIMITS = Limits(total=20.0, silence=20.0)
_TOLD = (0, 1)  # exit codes of a probe: all guarantees hold, or not all
_WORDS = 300


def refuse_other_processors() -> None:
    """SandboxError on a processor whose system calls the boxes do not know."""
    if platform.machine() not in MACHINES:
        raise SandboxError(
            f"there is no box for agents on {platform.machine()}, only on {' and '.join(MACHINES)}",
            todo="run it on a machine with one of these",
        )


def probe(
    program: Path, folder: Path, libraries: Sequence[str], around: Sequence[str] = ()
) -> tuple[Guarantee, ...]:
    """The guarantees of a box like that of an agent, tested in this folder without touching
    anything outside; in namespaces, if the words `around` make them. `program` is the keeper.
    Raises SandboxError where no such box can be made."""
    home = folder.absolute() / "agent"
    (home / STATE).mkdir(parents=True, exist_ok=True)
    box = AgentBox(libraries=(*map(Path, libraries), program)).of(home)
    argv = (*around, *probe_argv(program, box))
    try:
        done = run_command(argv, cwd=folder, env=ENVIRONMENT, limits=_LIMITS)
    except OSError as error:
        raise SandboxError(
            f"{argv[0]} cannot be run: {error.strerror}", todo=NOT_EXECUTED
        ) from error
    if done.ending is not Ending.EXITED:
        raise SandboxError(
            f"trying the box: {done.ending}, {done.seconds:.0f} s",
            todo="see what keeps this machine so busy, then run again",
        )
    found = tuple(_guarantees(done))
    if done.code not in _TOLD or not {one.name for one in found} >= PROBED:
        if refused := refusal(_words(done), what="the box of agents cannot be tried"):
            raise refused
        raise _no_box(_words(done))
    return found


# What the probe of a box must have tested before the box is trusted.
PROBED = frozenset(map(str, Protection)) - {Protection.ENVIRONMENT}


def _guarantees(done: Completed) -> Iterator[Guarantee]:
    """Parses a line per guarantee: name, `held` or `broken`, and how that was found, with tabs."""
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        name, _, rest = line.partition("\t")
        verdict, _, how = rest.partition("\t")
        if verdict in ("held", "broken"):
            yield Guarantee(name, verdict == "held", how)


def _words(done: Completed) -> str:
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = told[-1].removeprefix("evolve-keeper: ") if told else ""
    return last[:_WORDS] or f"the probe ended with {done.code}"


def _no_box(words: str) -> SandboxError:
    if "landlock" in words.lower():
        return SandboxError(
            f"this kernel (Linux {os.uname().release}) does not offer Landlock: {words}",
            todo=LANDLOCK,
        )
    return SandboxError(f"no box can be made here: {words}", todo=SECCOMP)
