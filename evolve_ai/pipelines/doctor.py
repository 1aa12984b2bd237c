"""Owns `evolve doctor`: whether this machine and this project can keep a population alive."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.model.capacity import Bound
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.sandbox import Level
from evolve_ai.pipelines import capacity
from evolve_ai.pipelines.layout import colonies_needed
from evolve_ai.pipelines.sandboxing import at_level
from evolve_ai.system import cgroup
from evolve_ai.system.project import Project
from evolve_ai.system.sandbox import OTHER_KERNEL, refuse_other_processors
from evolve_ai.system.settings_file import FILE_NAME, load_settings

PYTHON = (3, 11)
HOW = (
    "install bubblewrap, and see that user namespaces are allowed (sysctl "
    "user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns); or set "
    'sandbox.level = "landlock"'
)
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "afs", "ceph", "lustre", "beegfs")

Detail = Callable[[], str]
NamedDetail = tuple[str, Detail]


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
    project: Project,
    pids: Mapping[str, int | None],
    tools: Sequence[NamedDetail],
    read_template: Detail,
    check_registry: Detail,
    libraries: Sequence[str] = (),
) -> list[Check]:
    """All checks, for a population of these agents and their processes.

    `tools` and `libraries` are those of the substrate. Callables tell what they found, or raise
    EvolveError.
    """
    checks: tuple[NamedDetail, ...] = (
        ("python", _python),
        *tools,
        ("settings", partial(_settings, project.root)),
        ("template", read_template),
        ("registry", check_registry),
        ("folders", partial(_writable, project.root)),
        ("named pipes", partial(_pipes, project.workspace)),
        ("local disk", partial(_local, project.workspace)),
        *_room(project, pids),
        ("cgroup v2", cgroup.probe),
    )
    return [*(_attempt(*check) for check in checks), *_sandbox(project, libraries)]


def _sandbox(project: Project, libraries: Sequence[str]) -> Iterator[Check]:
    """The level that a run would have, then a row for each guarantee, tried now."""
    asked = Level(project.settings.sandbox.level)
    if asked is Level.NONE:
        todo = 'set sandbox.level = "landlock"; a life-cycle refuses this one without --unsafe'
        yield Check("sandbox", False, str(Sandbox(Level.NONE)), todo)
        return
    found: list[Sandbox] = []

    def try_it() -> str:
        refuse_other_processors()
        with tempfile.TemporaryDirectory() as folder:
            kept = (project.workspace / "keeper").is_dir()
            program = keeper_program(project.workspace if kept else Path(folder))
            found.append(at_level(asked, program, Path(folder), libraries))
        if found[0].broken:
            raise _Unwell(str(found[0]), OTHER_KERNEL)
        if found[0].level is not asked:
            raise _Unwell(str(found[0]), HOW)
        return str(found[0])

    yield _attempt("sandbox", try_it)
    for one in found[0].guarantees if found else ():
        yield Check(f"sandbox: {one.name}", one.held, one.how)


def _room(project: Project, pids: Mapping[str, int | None]) -> Iterator[NamedDetail]:
    """A row for each limit, then for how many agents they leave room."""
    mean = capacity.mean_of(project, pids)
    found = list(capacity.bounds(project, mean, len(pids)))
    for bound in found:
        told = in_colonies if bound.name == capacity.DESCRIPTORS else enough
        yield bound.name, partial(told, bound, len(pids))
    yield "pipes", capacity.pipes
    if project.settings.mode == "free":
        yield "inotify watches", capacity.watches
    yield "capacity", partial(capacity.summary, found, mean)


def enough(bound: Bound, population: int) -> str:
    """What a limit allows, and that so many agents are fewer."""
    if bound.unlimited:
        return "unlimited"
    detail = f"{capacity.told(bound)}: room for {bound.agents:,} agents, {population:,} needed"
    if bound.agents < population:
        raise _Unwell(detail, bound.todo)
    return detail


def in_colonies(bound: Bound, population: int) -> str:
    """What descriptors allow, and how many processes they make necessary."""
    needed = colonies_needed(population)
    colonies = "1 colony" if needed == 1 else f"{needed} colonies"
    try:
        return f"{enough(bound, population)} in {colonies}"
    except _Unwell as unwell:
        detail, todo = unwell.args
        raise _Unwell(f"{detail} in {colonies}", todo) from None


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
