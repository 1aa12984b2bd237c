"""Owns `evolve doctor`: whether this machine and this project can keep a population alive."""

import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.errors import EvolveError
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.settings_file import FILE_NAME, load_settings
from evolve_ai.system.tools import tool_path

PYTHON = (3, 11)
DESCRIPTORS_PER_AGENT = 3
AGENT_BYTES = 300 * 1024  # memory of a sleeping agent
FOLDER_BYTES = 256 * 1024
OWN_DESCRIPTORS = 100
OWN_PROCESSES = 50
OWN_MEMORY = 256 * 1024**2
OWN_DISK = 1024**3
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "afs", "ceph", "lustre", "beegfs")

Detail = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `todo` says what helps when it is not well."""

    name: str
    ok: bool
    detail: str
    todo: str = ""


class _Unwell(Exception):
    """A check failed: its detail and what helps."""


def examine(
    project: Path, population: int, read_template: Detail, check_registry: Detail
) -> list[Check]:
    """All checks, for so many agents. The callables tell what they found, or raise EvolveError."""
    return [
        _attempt(*check) for check in _checks(project, population, read_template, check_registry)
    ]


def _checks(
    project: Path, population: int, read_template: Detail, check_registry: Detail
) -> Iterator[tuple[str, Detail]]:
    yield "python", _python
    for name, package in (("cargo", "Rust"), ("rustc", "Rust"), ("cc", "gcc or clang")):
        yield name, _version(name, package, project)
    yield "settings", lambda: _settings(project)
    yield "template", read_template
    yield "registry", check_registry
    yield "folders", lambda: _writable(project)
    yield "named pipes", lambda: _pipes(project / "workspace")
    yield "local disk", lambda: _local(project / "workspace")
    yield "disk space", lambda: _disk(project, population)
    yield "memory", lambda: _memory(population)
    yield "file descriptors", lambda: _descriptors(population)
    yield "processes", lambda: _processes(population)
    yield "sandbox", lambda: "none: agents run unsandboxed, with all rights of this user"


def _attempt(name: str, detail: Detail) -> Check:
    try:
        return Check(name, True, detail())
    except _Unwell as unwell:
        return Check(name, False, *unwell.args)
    except EvolveError as error:
        where = f"{error.where}: " if error.where else ""
        return Check(name, False, f"{where}{error.what}", error.todo or "")
    except OSError as error:
        return Check(name, False, str(error), "check who owns this folder and how it is mounted")


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        raise _Unwell(version, "Python 3.11 or newer is needed")
    return version


def _version(command: str, package: str, folder: Path) -> Detail:
    def ask() -> str:
        todo = f"install {package}, and put it on PATH"
        limits = Limits(total=20.0, silence=20.0)
        try:
            env = {**os.environ, "PATH": tool_path(os.environ)}
            done = run_command([command, "--version"], cwd=folder, env=env, limits=limits)
        except FileNotFoundError as error:
            raise _Unwell(f"there is no `{command}`", todo) from error
        if done.code:
            raise _Unwell(done.stderr.decode(errors="replace").strip() or str(done.ending), todo)
        return (done.stdout.decode(errors="replace").splitlines() or [""])[0]

    return ask


def _settings(project: Path) -> str:
    load_settings(project / FILE_NAME)
    return f"{FILE_NAME} is valid"


def _writable(project: Path) -> str:
    for name in ("", "agents", "logs", "workspace"):
        folder = project / name
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"x")
    return "can be written"


def _pipes(workspace: Path) -> str:
    with tempfile.TemporaryDirectory(dir=workspace if workspace.is_dir() else None) as folder:
        pipe = Path(folder) / "pipe"
        os.mkfifo(pipe, 0o600)
        handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(handle, b"ping")
            heard = os.read(handle, 4)
        finally:
            os.close(handle)
    if heard != b"ping":
        raise _Unwell("what goes in does not come out", "put the project on a local disk")
    return "work"


def _local(workspace: Path) -> str:
    kind = filesystem(workspace, Path("/proc/mounts").read_text(encoding="utf-8"))
    if kind in REMOTE:
        raise _Unwell(
            f"{workspace} lies on {kind}", "registry and pipes need a disk of this machine"
        )
    return kind


def filesystem(folder: Path, mounts: str) -> str:
    """The type of file system a folder lies on, by a table as in /proc/mounts (proc(5))."""
    best, kind = -1, "unknown"
    resolved = folder.resolve()
    for line in mounts.splitlines():
        _, place, found, *_ = line.split(" ")
        point = Path(place.replace("\\040", " "))
        depth = len(point.parts)
        if resolved.is_relative_to(point) and depth >= best:
            best, kind = depth, found
    return kind


def _disk(project: Path, population: int) -> str:
    free, needed = shutil.disk_usage(project).free, OWN_DISK + population * FOLDER_BYTES
    return _enough(free >> 20, needed >> 20, "MiB free", "free some space")


def _memory(population: int) -> str:
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    needed = OWN_MEMORY + population * AGENT_BYTES
    return _enough(free >> 10, needed >> 20, "MiB available", "keep fewer agents")


def _descriptors(population: int) -> str:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OWN_DESCRIPTORS + DESCRIPTORS_PER_AGENT * population
    limit = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    return _enough(limit, needed, "allowed", "raise the hard limit (ulimit -Hn), or fewer agents")


def _processes(population: int) -> str:
    limits = [_number(Path("/proc/sys/kernel/pid_max")), _number(Path("/sys/fs/cgroup/pids.max"))]
    soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if soft != resource.RLIM_INFINITY and os.geteuid() != 0:
        limits.append(soft)
    needed = OWN_PROCESSES + population
    return _enough(min(limits), needed, "allowed", "raise the limit (ulimit -u, pids.max)")


def _number(path: Path) -> int:
    """The number in a file; without bound for `max` and for no file."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return sys.maxsize


def _enough(there: int, needed: int, unit: str, todo: str) -> str:
    detail = f"{'unlimited' if there == sys.maxsize else there} {unit}, {needed} needed"
    if there < needed:
        raise _Unwell(detail, todo)
    return detail
