"""Examines whether this machine and this project can keep a population alive (`evolve doctor`)."""

import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from evolve_ai.colony.layout import colonies_needed
from evolve_ai.inspection import capacity
from evolve_ai.inspection.trials import BuildTrial, Trials
from evolve_ai.model.capacity import Bound
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.guarantee import Sandbox
from evolve_ai.model.sandbox import Level
from evolve_ai.notifications.webhook_check import check_webhooks
from evolve_ai.session.sandboxing import remedy
from evolve_ai.system import cgroup
from evolve_ai.system.paths import check_path
from evolve_ai.system.project import Project
from evolve_ai.system.sandbox import refuse_other_processors
from evolve_ai.system.settings_file import FILE_NAME, load_settings

PYTHON = (3, 11)
HOW = (
    "install bubblewrap, and see that user namespaces are allowed (sysctl "
    "user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns); or set "
    'sandbox.level = "landlock"'
)
LOCAL = "put the project on a disk of this machine (ext4, xfs, btrfs, tmpfs)"
SUBSTRATE = "substrate"  # the name of the row for a missing language
COMPILERS = ("rustc", "cc")  # the rows of the tools that compile a keeper
# Failures of these rows do not prevent other rows from being tried.
LOOKED_AT_ONLY = frozenset(
    {"registry", "template", "plug-ins", "local disk", "cgroup v2", "evaluation box"}
)
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "afs", "ceph", "lustre", "beegfs")

Detail = Callable[[], str]
NamedDetail = tuple[str, Detail]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `todo` says what helps if it failed. A check is not `tried` if
    something that it needs has failed, since it would only report that failure again."""

    name: str
    ok: bool
    detail: str
    todo: str = ""
    tried: bool = True


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check to be made, and the names of the checks whose success it needs."""

    name: str
    detail: Detail
    needs: tuple[str, ...] = ()


class _Unwell(Exception):
    """A check failed; the arguments are its detail and what helps."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is examined. The functions return what they found, or raise EvolveError.

    `pids` are the living and their processes. `tools`, `libraries` and `build` come from the
    substrate: what it needs of this machine, and a confined build of one line in a folder.
    """

    project: Project
    pids: Mapping[str, int | None] = field(default_factory=dict)
    tools: Sequence[NamedDetail] = ()
    plugins: Detail = lambda: "as the settings name them"
    template: Detail = lambda: ""
    registry: Detail = lambda: ""
    libraries: Sequence[str] = ()
    build: BuildTrial | None = None


def check_up(subject: Subject) -> list[Check]:
    """The results of all checks; each failed check names its own cause."""
    project = subject.project
    findings = _Findings()
    checks = findings.of(_looked_at(subject))
    if "folders" in findings.unwell:  # there is no writable place for trials
        return [*checks, *findings.of(_needing_a_place(subject, Trials(project, (), Path())))]
    place = project.workspace if project.workspace.is_dir() else project.root
    with tempfile.TemporaryDirectory(prefix="doctor-", dir=place) as folder:
        trials = Trials(project, subject.libraries, Path(folder))
        checks += findings.of(_needing_a_place(subject, trials))
        checks += [
            Check(f"sandbox: {one.name}", one.held, one.how) for one in trials.sandbox.guarantees
        ]
        if subject.build is not None:
            checks += findings.of([_build(subject, trials, subject.build)])
    return checks


def _looked_at(subject: Subject) -> Iterator[CheckRow]:
    project = subject.project
    yield CheckRow("python", _python)
    yield CheckRow("path", partial(_path, project.root))
    for name, detail in subject.tools:
        yield CheckRow(name, detail)
    yield CheckRow("settings", partial(_settings, project.root))
    yield CheckRow("plug-ins", subject.plugins, ("settings", SUBSTRATE))
    yield CheckRow(
        "webhooks", partial(check_webhooks, project.settings, project.root), ("settings",)
    )
    yield CheckRow("template", subject.template, ("settings", SUBSTRATE))
    yield CheckRow("registry", subject.registry, ("settings",))
    yield CheckRow("folders", partial(_writable, project.root))
    yield CheckRow("local disk", partial(_local, project.workspace))
    for name, detail in _room(project, subject.pids):
        yield CheckRow(name, detail)
    yield CheckRow("cgroup v2", cgroup.probe)


def _needing_a_place(subject: Subject, trials: Trials) -> Iterator[CheckRow]:
    """Checks that need a writable folder; each comes after the checks that it needs."""
    tools = tuple(name for name, _ in subject.tools if name in COMPILERS)
    compiled = () if trials.has_keeper else tools
    yield CheckRow("named pipes", partial(_pipes, trials.folder), ("folders",))
    yield CheckRow("keeper program", trials.keeper_program, ("folders", *compiled))
    yield CheckRow("execution", trials.execution, ("keeper program",))
    yield CheckRow("keeper", trials.keeper, ("execution",))
    yield CheckRow("start", trials.start, ("keeper", "named pipes"))
    yield CheckRow("evaluation box", trials.evaluation_box, ("execution",))
    if Level(subject.project.settings.sandbox.level) is Level.NONE:
        yield CheckRow("sandbox", _no_sandbox)
        return
    yield CheckRow("processor", _processor)
    yield CheckRow("sandbox", partial(_sandbox, trials), ("start", "processor", SUBSTRATE))
    yield CheckRow("boxed start", trials.boxed_start, ("sandbox",))


def _build(subject: Subject, trials: Trials, build: BuildTrial) -> CheckRow:
    level = Level(subject.project.settings.sandbox.level)
    box = () if level is Level.NONE else ("sandbox",)
    needs = ("path", *(name for name, _ in subject.tools), "execution", *box)

    def tried() -> str:
        folder = trials.folder / "build"
        folder.mkdir()
        return build(folder, trials.confinement)

    return CheckRow("build", tried, needs)


class _Findings:
    """Which checks failed, and which check caused each failure."""

    def __init__(self) -> None:
        self.unwell: dict[str, str] = {}

    def of(self, rows: Iterable[CheckRow]) -> list[Check]:
        return [self._of(row) for row in rows]

    def _of(self, row: CheckRow) -> Check:
        causes = [self.unwell[name] for name in row.needs if name in self.unwell]
        if causes:
            self.unwell[row.name] = causes[0]
            return Check(row.name, False, f"not tried: {causes[0]} failed", tried=False)
        check = _attempt(row.name, row.detail)
        if not check.ok and check.name not in LOOKED_AT_ONLY:
            self.unwell[row.name] = row.name
        return check


def _no_sandbox() -> str:
    raise _Unwell(
        str(Sandbox(Level.NONE)), 'set sandbox.level = "landlock" (or "full") in evolve.toml'
    )


def _processor() -> str:
    refuse_other_processors()
    return platform.machine()


def _sandbox(trials: Trials) -> str:
    """The level that a run would have. Its guarantees get rows of their own."""
    asked, found = Level(trials.project.settings.sandbox.level), trials.box()
    if found.broken:
        raise _Unwell(str(found), remedy(found))
    if found.level is not asked:
        raise _Unwell(str(found), HOW)
    return str(found)


def _path(root: Path) -> str:
    check_path(root)
    return "can be built in"


def _room(project: Project, pids: Mapping[str, int | None]) -> Iterator[NamedDetail]:
    """A row for each limit, then a row for the number of agents that they allow."""
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
    """What a limit allows. Raises _Unwell when the population exceeds it."""
    if bound.unlimited:
        return "unlimited"
    detail = f"{capacity.told(bound)}: room for {bound.agents:,} agents, {population:,} needed"
    if bound.agents < population:
        raise _Unwell(detail, bound.todo)
    return detail


def in_colonies(bound: Bound, population: int) -> str:
    """What descriptors allow, and how many colonies the population needs."""
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


def _pipes(folder: Path) -> str:
    pipe = folder / "pipe"
    try:
        os.mkfifo(pipe, 0o600)
    except OSError as error:
        raise _Unwell(f"none can be made: {error.strerror}", LOCAL) from error
    handle = os.open(pipe, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(handle, b"ping")
        heard = os.read(handle, 4)
    finally:
        os.close(handle)
    if heard != b"ping":
        raise _Unwell("what is written to it cannot be read from it", LOCAL)
    return "work"


def _local(workspace: Path) -> str:
    kind = filesystem(workspace, Path("/proc/mounts").read_text(encoding="utf-8"))
    if kind in REMOTE:
        raise _Unwell(
            f"{workspace} lies on {kind}", "registry and pipes need a disk of this machine"
        )
    return kind


def filesystem(folder: Path, mounts: str) -> str:
    """The type of the file system of a folder, from a table like /proc/mounts (proc(5))."""
    best, kind = -1, "unknown"
    resolved = folder.resolve()
    for line in mounts.splitlines():
        _, place, found, *_ = line.split(" ")
        point = Path(place.replace("\\040", " "))
        depth = len(point.parts)
        if resolved.is_relative_to(point) and depth >= best:
            best, kind = depth, found
    return kind
