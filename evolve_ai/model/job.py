"""A job, which may run on any machine, and its outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MIB = 1024 * 1024

# In `argv` and `env` of a job a runner replaces these words by absolute paths of its own.
TASK = "{task}"  # the folder that holds `files`: read-only, the working directory
SCRATCH = "{scratch}"  # an empty folder to write in; discarded whole
HARNESS = "{harness}"  # the program that runs a Python function as an evaluator: see `warm`
BINARY = ".evolve/program"  # in TASK: what was compiled from a candidate, see `built`


@dataclass(frozen=True, slots=True)
class TrialLimits:
    """What a job may use, all its processes together. Seconds, bytes, and numbers of processes.

    Above `output` bytes of stdout and stderr a job is ended; `kept` bytes of each are returned,
    from its beginning and its end.
    """

    seconds: float = 60.0
    silence: float = 60.0
    cpu_seconds: float = 120.0
    memory: int = 2048 * MIB
    output: int = 16 * MIB
    kept: int = 64 * 1024
    processes: int = 256
    disk: int = 512 * MIB
    inodes: int = 65536


@dataclass(frozen=True, slots=True)
class JobNeeds:
    """What a place to run must offer. `network`: may it be reached? `image`: a container's name."""

    cores: int = 1
    gpus: int = 0
    network: bool = False
    image: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A command on files that are named by content.

    `title` names it among all jobs of a run. `files` are all that lie in TASK (relative path ->
    SHA-256); `changed` are those of them that differ between candidates. `collect` are paths in
    SCRATCH to be returned. `warm` ("file.py:function") says that `argv` runs this Python function
    by the harness (runners/harness.py), so a process that has imported it already may run it
    instead. `cost` says what is measured of programs run by $EVOLVE_RUN --cost. `built` says that
    the program of the changed files is compiled first, and lies at BINARY.
    """

    title: str
    files: Mapping[str, str]
    changed: frozenset[str]
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    limits: TrialLimits = TrialLimits()
    needs: JobNeeds = JobNeeds()
    collect: tuple[str, ...] = ()
    warm: str = ""
    cost: str = ""  # "wall", "cpu", "instructions"
    built: bool = False


class JobEnd(StrEnum):
    """Why a job ended."""

    EXITED = "exited"
    SECONDS = "seconds"  # of wall-clock time, in total
    SILENCE = "silence"
    CPU = "cpu"
    MEMORY = "memory"
    OUTPUT = "output"
    PROCESSES = "processes"
    DISK = "disk"
    CANCELLED = "cancelled"
    MACHINE = "machine"  # not the job's fault: no disk, killed from outside, runner lost


@dataclass(frozen=True, slots=True)
class JobUsage:
    """What a job used: seconds, bytes at its peak; `instructions` where they were counted."""

    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    instructions: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended. `code` is negative for a signal; `files` are those collected, by path.

    `cost` is what was measured of programs run by $EVOLVE_RUN --cost, in seconds or instructions;
    `cost_kind` says what it is ("callgrind" where instructions were counted by simulation).
    """

    end: JobEnd
    code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""
    files: Mapping[str, bytes] = field(default_factory=dict)
    usage: JobUsage = JobUsage()
    reason: str = ""
    cost: float | None = None
    cost_kind: str = ""
