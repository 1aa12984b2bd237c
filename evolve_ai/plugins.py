"""The list of plug-ins: what a name in the settings stands for, and what it makes."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from evolve_ai.contracts.environment import World
from evolve_ai.contracts.executor import Executor
from evolve_ai.contracts.language import Language
from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.contracts.sink import Sink
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.contracts.variation import Variation
from evolve_ai.environments.series import SeriesWorld
from evolve_ai.environments.solitary import SolitaryWorld
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.executors.pool import open_executor
from evolve_ai.guards.environment import guarded_world
from evolve_ai.guards.language import guarded_language
from evolve_ai.guards.options import options_for
from evolve_ai.guards.selection import guarded_policy
from evolve_ai.guards.substrate import guarded_substrate
from evolve_ai.guards.variation import guarded_variation
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import PluginError
from evolve_ai.model.family_settings import GROUPS, LANGUAGE, OPTIONS, OwnMember, is_built_in
from evolve_ai.model.setting import Section
from evolve_ai.notifications.orchestrator_log import Log
from evolve_ai.notifications.own_sink import OwnSink
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import Tournament
from evolve_ai.selection.truncation import Truncation
from evolve_ai.session.components import Components
from evolve_ai.substrates.rust.language import RustLanguage
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.guard import Guard
from evolve_ai.system.plugin_output import divert
from evolve_ai.system.project import Project
from evolve_ai.variation.standard import StandardVariation

# What every worker needs, imported once by the server that they are forked from.
PRELOAD = (
    "evolve_ai.stages.birth",
    "evolve_ai.substrates.rust.substrate",
    "evolve_ai.colony.colony_process",
)

# name -> what makes the plug-in. A new one is a line here, and one in model/family_settings.py.
ENVIRONMENTS: Mapping[str, Callable[[Project, Draws, Any], World]] = {
    "series": lambda project, draws, options: SeriesWorld(
        project.root, options, project.settings.economy, draws
    ),
    "solitary": lambda project, draws, _: SolitaryWorld(project.settings.economy, draws),
}
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


def world_of(project: Project) -> World:
    """The environment that the settings name."""
    chosen, draws = project.settings.environment, Draws(project.settings.seed)
    if is_built_in(chosen):
        return ENVIRONMENTS[chosen.name](project, draws, chosen)
    guard = _guard(project, "environment", chosen.name)
    made = _made(guard, "environment", ENVIRONMENTS, chosen, project, draws)
    return guarded_world(guard, made)


def _policy_of(project: Project) -> SelectionPolicy:
    chosen = project.settings.selection
    if is_built_in(chosen):
        return SELECTION[chosen.name](chosen)
    guard = _guard(project, "selection policy", chosen.name)
    found = _found(guard, "selection", SELECTION)
    if isinstance(found, type):
        found = _made(guard, "selection", SELECTION, chosen)
    else:  # the policy itself
        options_for(guard, found, chosen)
    return guarded_policy(guard, found)


def _variation_of(project: Project, substrate: Substrate) -> Variation:
    chosen = project.settings.variation
    if is_built_in(chosen):
        return VARIATION[chosen.name](chosen)
    guard = _guard(project, "variation", chosen.name)
    made = _made(guard, "variation", VARIATION, chosen, project)
    return guarded_variation(guard, made, substrate.genes)


def _substrate_of(project: Project) -> Substrate:
    chosen, build = project.settings.substrate, project.settings.build
    if is_built_in(chosen):
        return SUBSTRATES[chosen.name](project, chosen)
    guard = _guard(project, "substrate", chosen.name)
    guard = replace(guard, seconds=guard.seconds + build.timeout)  # compilers are bounded by that
    return guarded_substrate(guard, _made(guard, "substrate", SUBSTRATES, chosen, project))


def language_of(project: Project, name: str) -> Language:
    """The language of this name. PluginError where there is none."""
    if name in LANGUAGES:
        return LANGUAGES[name](project)
    guard = _guard(project, LANGUAGE, name)
    chosen = OwnMember(name=name)
    return guarded_language(guard, _made(guard, LANGUAGE, LANGUAGES, chosen, project))


def _executor_of(project: Project) -> Executor:
    chosen = project.settings.executor
    if is_built_in(chosen):
        return EXECUTORS[chosen.name](chosen)
    guard = _guard(project, "executor", chosen.name)
    made: Executor = _made(guard, "executor", EXECUTORS, chosen)
    return made


def _sinks_of(project: Project, log: Log) -> Sequence[Sink]:
    """Those of the user's own; the notifier opens the others itself."""
    found = []
    for chosen in project.settings.sinks:
        if not is_built_in(chosen):
            guard = _guard(project, "sink", chosen.name)
            inner = _made(guard, "sinks", OPTIONS["sinks"], chosen, project)
            found.append(OwnSink(chosen.name, inner, log))
    return found


def _guard(project: Project, family: str, name: str) -> Guard:
    divert(project.logs)  # in a process of a colony, too
    return Guard(family, name, project.settings.plugins.timeout, project.root)


def _made(
    guard: Guard, family: str, known: Mapping[str, Any], chosen: Section, *arguments: Any
) -> Any:
    """What the plug-in of the guard's name makes of a project; PluginError when it cannot."""
    make = _found(guard, family, known)
    options = options_for(guard, make, chosen)
    return guard.call("__init__", lambda: make(*arguments, *options), lambda made: made)


def _found(guard: Guard, family: str, known: Mapping[str, Any]) -> Any:
    """An entry point of the group of this family, or a dotted name."""
    name, group = guard.name, GROUPS[family]
    if ":" in name:
        module, _, attribute = name.partition(":")
        return guard.call(
            "import",
            lambda: getattr(importlib.import_module(module), attribute),
            lambda found: found,
        )
    for entry in entry_points(group=f"evolve_ai.{group}"):
        if entry.name == name:
            return guard.call("import", entry.load, lambda found: found)
    raise PluginError(
        f"{name!r} is none of the {group}: {', '.join(sorted(known))}",
        where=guard.root / "evolve.toml",
        todo='name one of them, or your own as "package.module:name"',
    )
