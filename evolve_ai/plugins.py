"""The list of plug-ins: what a name in the settings stands for, and what it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve_ai.archives.cvt import cvt
from evolve_ai.archives.funsearch import Funsearch
from evolve_ai.archives.islands import Islands
from evolve_ai.archives.map_elites import map_elites
from evolve_ai.archives.novelty import Novelty
from evolve_ai.archives.pareto import Pareto
from evolve_ai.archives.top import Top
from evolve_ai.contracts.archive import Archive
from evolve_ai.contracts.executor import Executor
from evolve_ai.contracts.language import Language
from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.contracts.sink import Sink
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.contracts.variation import Variation
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.pool import open_executor
from evolve_ai.guards.archive import archive_guard, guarded_archive
from evolve_ai.guards.language import guarded_language
from evolve_ai.guards.members import found_by, guard_of, made
from evolve_ai.guards.options import options_for
from evolve_ai.guards.selection import guarded_policy
from evolve_ai.guards.substrate import guarded_substrate
from evolve_ai.guards.variation import guarded_variation
from evolve_ai.languages.c import CLanguage
from evolve_ai.languages.cpp import CppLanguage
from evolve_ai.languages.go import GoLanguage
from evolve_ai.languages.javascript import JavaScriptLanguage
from evolve_ai.languages.python import PythonLanguage
from evolve_ai.languages.typescript import TypeScriptLanguage
from evolve_ai.model.draws import Draws
from evolve_ai.model.family_settings import ARCHIVE, LANGUAGE, OPTIONS, OwnMember, is_built_in
from evolve_ai.notifications.orchestrator_log import Log
from evolve_ai.notifications.own_sink import OwnSink
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import Tournament
from evolve_ai.selection.truncation import Truncation
from evolve_ai.session.components import Components
from evolve_ai.substrates.rust.language import RustLanguage
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.plugin_output import divert
from evolve_ai.system.project import Project
from evolve_ai.variation.standard import StandardVariation
from evolve_ai.worlds import world_of

if TYPE_CHECKING:  # its models take a while to make, and agents need none of them
    from evolve_ai.model.task_settings import Task

# What every worker needs, imported once by the server that they are forked from.
PRELOAD = (
    "evolve_ai.stages.birth",
    "evolve_ai.substrates.rust.substrate",
    "evolve_ai.colony.colony_process",
)

# name -> what makes the plug-in. A new one is a line here, and one in model/family_settings.py;
# environments are in worlds.py.
SELECTION: Mapping[str, Callable[[Any], SelectionPolicy]] = {
    "energy": lambda _: energy,
    "truncation": Truncation,
    "tournament": Tournament,
    "none": lambda _: drift,
}
VARIATION: Mapping[str, Callable[[Any], Variation]] = {"standard": StandardVariation}
SUBSTRATES: Mapping[str, Callable[[Project, Any], Substrate]] = {
    "rust": lambda project, _: RustSubstrate(
        project.settings.build, project.settings.crates, project.root, project.settings.audit
    ),
}
LANGUAGES: Mapping[str, Callable[[Project], Language]] = {
    "rust": lambda project: RustLanguage(project.root),
    "python": lambda project: PythonLanguage(project.root),
    "c": lambda project: CLanguage(project.root),
    "cpp": lambda project: CppLanguage(project.root),
    "javascript": lambda project: JavaScriptLanguage(project.root),
    "typescript": lambda project: TypeScriptLanguage(project.root),
    "go": lambda project: GoLanguage(project.root),
}
# Archives get their options and the seed of the search.
ARCHIVES: Mapping[str, Callable[[Any, int], Archive]] = {
    "top": Top,
    "islands": Islands,
    "map_elites": map_elites,
    "cvt": cvt,
    "novelty": Novelty,
    "funsearch": Funsearch,
    "pareto": Pareto,
}
EXECUTORS: Mapping[str, Callable[[Any], Executor]] = {
    "processes": lambda options: open_executor(options.workers, PRELOAD),
    "inline": lambda _: InlineExecutor(),
}


def assemble(project: Project, sink: Sink) -> Components:
    """The components that the settings name. PluginError for a name that leads nowhere."""
    substrate = _substrate_of(project)
    return Components(
        project=project,
        substrate=substrate,
        world=world_of(project),
        world_of=world_of,
        policy=_policy_of(project),
        variation=_variation_of(project, substrate),
        executor=_executor_of(project),
        sink=sink,
        draws=Draws(project.settings.seed),
        open_builder=substrate.builder,
        open_sinks=partial(_sinks_of, project),
    )


def _policy_of(project: Project) -> SelectionPolicy:
    chosen = project.settings.selection
    if is_built_in(chosen):
        return SELECTION[chosen.name](chosen)
    guard = guard_of(project, "selection policy", chosen.name)
    found = found_by(guard, "selection", SELECTION)
    if isinstance(found, type):
        found = made(guard, "selection", SELECTION, chosen)
    else:  # the policy itself
        options_for(guard, found, chosen)
    return guarded_policy(guard, found)


def _variation_of(project: Project, substrate: Substrate) -> Variation:
    chosen = project.settings.variation
    if is_built_in(chosen):
        return VARIATION[chosen.name](chosen)
    guard = guard_of(project, "variation", chosen.name)
    inner = made(guard, "variation", VARIATION, chosen, project)
    return guarded_variation(guard, inner, substrate.genes)


def _substrate_of(project: Project) -> Substrate:
    chosen, build = project.settings.substrate, project.settings.build
    if is_built_in(chosen):
        return SUBSTRATES[chosen.name](project, chosen)
    guard = guard_of(project, "substrate", chosen.name)
    guard = replace(guard, seconds=guard.seconds + build.timeout)  # compilers are bounded by that
    return guarded_substrate(guard, made(guard, "substrate", SUBSTRATES, chosen, project))


def language_of(project: Project, name: str) -> Language:
    """The language of this name. PluginError where there is none."""
    if name in LANGUAGES:
        return LANGUAGES[name](project)
    guard = guard_of(project, LANGUAGE, name)
    chosen = OwnMember(name=name)
    return guarded_language(guard, made(guard, LANGUAGE, LANGUAGES, chosen, project))


def archive_of(task: Task, folder: Path, logs: Path) -> Archive:
    """The archive that the task in this folder chooses; what one of the user's own prints goes to
    `logs`. PluginError where a name leads nowhere, ToolchainError where a package is missing."""
    chosen = task.archive
    if is_built_in(chosen):
        if getattr(chosen, "features", None) == ():
            chosen = chosen.model_copy(update={"features": task.score.features})
        return ARCHIVES[chosen.name](chosen, task.search.seed)
    divert(logs)
    guard = archive_guard(chosen.name, folder)
    inner = made(guard, ARCHIVE, ARCHIVES, chosen, task.search.seed)
    return guarded_archive(guard, inner)


def _executor_of(project: Project) -> Executor:
    chosen = project.settings.executor
    if is_built_in(chosen):
        return EXECUTORS[chosen.name](chosen)
    guard = guard_of(project, "executor", chosen.name)
    executor: Executor = made(guard, "executor", EXECUTORS, chosen)
    return executor


def _sinks_of(project: Project, log: Log) -> Sequence[Sink]:
    """Those of the user's own; the notifier opens the others itself."""
    found = []
    for chosen in project.settings.sinks:
        if not is_built_in(chosen):
            guard = guard_of(project, "sink", chosen.name)
            inner = made(guard, "sinks", OPTIONS["sinks"], chosen, project)
            found.append(OwnSink(chosen.name, inner, log))
    return found
