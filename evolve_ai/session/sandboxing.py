"""Chooses the sandbox of a run, and tries it before any agent starts."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.colony.namespaces import around_keeper, tried
from evolve_ai.colony.refusals import NO_EXECUTION
from evolve_ai.model.errors import SandboxError, SettingsError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.guarantee import Sandbox, level_told
from evolve_ai.model.sandbox import Level
from evolve_ai.session.takeover import season_under_way
from evolve_ai.state.registry import Registry
from evolve_ai.system import bubblewrap
from evolve_ai.system.files import storage_errors
from evolve_ai.system.leftovers import leftovers
from evolve_ai.system.project import Project
from evolve_ai.system.sandbox import OTHER_KERNEL, probe, refuse_other_processors

NO_PROGRAM = "could not be executed there"  # the words of evolve_ai/keeper/src/probe.rs


@dataclass(frozen=True, slots=True)
class Terms:
    """How a command may start agents or compilers: `unsafe` is its option --unsafe, `tell` is
    called with the sandbox. `as_before`: use the level of the last run instead of the settings."""

    unsafe: bool = False
    as_before: bool = False
    tell: Callable[[Sandbox], object] = lambda sandbox: None


def sandbox_of(
    project: Project, libraries: Sequence[str], terms: Terms, registry: Registry | None = None
) -> Sandbox:
    """The sandbox of a run, after a trial. SettingsError if the settings forbid it, SandboxError if
    the machine cannot provide one. `registry` is given by a run that takes agents over."""
    asked = Level(project.settings.sandbox.level)
    if terms.as_before and registry is not None:
        asked = last_level(registry) or Level.NONE
    if terms.unsafe or (terms.as_before and asked is Level.NONE):
        found = Sandbox(Level.NONE)
    else:
        _refuse_none(project, asked)
        refuse_other_processors()
        _refuse_what_opens_it(project)
        held = _held_by_a_season(project, registry) if registry is not None else ""
        level = Level.LANDLOCK if held else asked
        with _scratch(project.workspace) as folder:
            found = at_level(level, keeper_program(project.workspace), folder, libraries)
        if found.opened:
            raise SandboxError(str(found), where=project.root, todo=remedy(found))
        if held and asked is Level.FULL:
            found = replace(found, lost=held)
    terms.tell(found)
    return found


def at_level(asked: Level, keeper: Path, folder: Path, libraries: Sequence[str]) -> Sandbox:
    """The sandbox of this level or the one below, tried in this folder. SandboxError when neither
    works. The caller must check whether all its guarantees hold."""
    boxed = Sandbox(Level.LANDLOCK, probe(keeper, folder, libraries), keeper=keeper)
    return _with_namespaces(boxed, folder, libraries) if asked is Level.FULL else boxed


def _with_namespaces(boxed: Sandbox, folder: Path, libraries: Sequence[str]) -> Sandbox:
    bwrap = bubblewrap.installed()
    if bwrap is None:
        return replace(boxed, lost="bubblewrap (the command `bwrap`) is not installed")
    keeper = boxed.keeper
    try:
        outer = tried(bwrap, keeper, folder)
        words = around_keeper(bwrap, keeper, folder, (), libraries)
        inner = probe(keeper, folder, libraries, words)
    except SandboxError as error:
        return replace(boxed, lost=error.what)
    full = Sandbox(Level.FULL, (*outer, *inner), keeper=keeper, bwrap=bwrap)
    return replace(boxed, lost=str(full)) if full.opened else full


def remedy(found: Sandbox) -> str:
    """A hint about what helps if some guarantees do not hold."""
    executes = not any(NO_PROGRAM in one.how for one in found.broken)
    return OTHER_KERNEL if executes else NO_EXECUTION


def recorded(sandbox: Sandbox, asked: str, cycle: int) -> Event:
    data = {"level": str(sandbox.level), "asked": asked, "lost": sandbox.lost or None}
    return Event(Kind.SANDBOX, cycle, None, data)


def last_level(registry: Registry) -> Level | None:
    """The level of the last run; None before the first run or from a version without sandbox."""
    return level_told(registry.state.sandbox)


def _refuse_none(project: Project, asked: Level) -> None:
    if asked is Level.NONE:
        raise SettingsError(
            'sandbox.level is "none": agents and builds would have all your rights',
            where=project.root / "evolve.toml",
            todo='set sandbox.level = "landlock"',
        )


def _refuse_what_opens_it(project: Project) -> None:
    """SettingsError for a path in sandbox.readable that would open the project's own folders."""
    kept = (project.agents, project.workspace, project.logs)
    for path in map(Path, project.settings.sandbox.readable):
        for own in kept:
            if any(_overlap(*both) for both in ((path, own), (path.resolve(), own.resolve()))):
                raise SettingsError(
                    f"sandbox.readable names {path}, and agents must not read {own}",
                    where=project.root / "evolve.toml",
                    todo="name only what they need, outside of this project's own folders",
                )


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _held_by_a_season(project: Project, registry: Registry) -> str:
    """Why agents cannot get namespaces now, or "": in the middle of a season they keep their
    processes. SettingsError when these have no sandbox at all."""
    if not season_under_way(registry) or not any(leftovers(project.agents)):
        return ""
    last = last_level(registry)
    if last is Level.FULL:
        return ""
    if last is Level.LANDLOCK:
        return "agents are in the middle of a season, in processes that began without"
    raise SettingsError(
        "a life-cycle without a sandbox was killed in the middle of a season, and its agents live "
        "on without one",
        where=project.agents,
        todo="end them first: evolve stop",
    )


@contextmanager
def _scratch(workspace: Path) -> Iterator[Path]:
    with storage_errors(workspace):
        workspace.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="probe-", dir=workspace) as folder:
            yield Path(folder)
