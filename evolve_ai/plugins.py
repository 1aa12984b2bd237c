"""Owns the list of plug-ins: what a name in the settings stands for, and the parts it makes."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

from evolve_ai.contracts.environment import World
from evolve_ai.contracts.selection import SelectionPolicy
from evolve_ai.contracts.sink import Sink
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.contracts.variation import Variation
from evolve_ai.environments.series import SeriesWorld
from evolve_ai.environments.solitary import SolitaryWorld
from evolve_ai.executors.pool import open_executor
from evolve_ai.guards.environment import guarded_world
from evolve_ai.guards.selection import guarded_policy
from evolve_ai.guards.substrate import guarded_substrate
from evolve_ai.guards.variation import guarded_variation
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import PluginError
from evolve_ai.pipelines.parts import Parts
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import tournament
from evolve_ai.selection.truncation import truncation
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.guard import Guard
from evolve_ai.system.plugin_output import divert
from evolve_ai.system.project import Project
from evolve_ai.variation.standard import StandardVariation

# family -> name -> what makes the plug-in from a project. A new plug-in is a line here.
ENVIRONMENTS: Mapping[str, Callable[[Project, Draws], World]] = {
    "series": lambda project, draws: SeriesWorld(
        project.root, project.settings.series, project.settings.economy, draws
    ),
    "solitary": lambda project, draws: SolitaryWorld(project.settings.economy, draws),
}
SELECTION: Mapping[str, SelectionPolicy] = {
    "energy": energy,
    "truncation": truncation,
    "tournament": tournament,
    "none": drift,
}
VARIATION: Mapping[str, Callable[[Project], Variation]] = {
    "standard": lambda project: StandardVariation(
        project.settings.founders, project.settings.birth
    ),
}
SUBSTRATES: Mapping[str, Callable[[Project], Substrate]] = {
    "rust": lambda project: RustSubstrate(
        project.settings.build, project.settings.crates, project.root, project.settings.audit
    ),
}

# What every worker needs, imported once by the server that they are forked from.
PRELOAD = (
    "evolve_ai.stages.birth",
    "evolve_ai.substrates.rust.substrate",
    "evolve_ai.pipelines.colony_process",
)


def assemble(project: Project, sink: Sink) -> Parts:
    """The parts that the settings of a project name. PluginError for a name that leads nowhere."""
    settings = project.settings
    substrate = _substrate_of(project)

    return Parts(
        project=project,
        substrate=substrate,
        world=world_of(project),
        world_of=world_of,
        policy=_policy_of(project),
        variation=_variation_of(project),
        executor=open_executor(settings.cycle.workers, PRELOAD),
        sink=sink,
        draws=Draws(settings.seed),
        open_builder=substrate.builder,
    )


def world_of(project: Project) -> World:
    """The environment that the settings name."""
    name, draws = project.settings.environment, Draws(project.settings.seed)
    if name in ENVIRONMENTS:
        return ENVIRONMENTS[name](project, draws)
    guard = _guard(project, "environment", name)
    return guarded_world(guard, _made(guard, "environments", ENVIRONMENTS, project, draws))


def _policy_of(project: Project) -> SelectionPolicy:
    name = project.settings.selection
    if name in SELECTION:
        return SELECTION[name]
    guard = _guard(project, "selection policy", name)
    return guarded_policy(guard, _found(guard, "selection", SELECTION))


def _variation_of(project: Project) -> Variation:
    name = project.settings.variation
    if name in VARIATION:
        return VARIATION[name](project)
    guard = _guard(project, "variation", name)
    return guarded_variation(guard, _made(guard, "variation", VARIATION, project))


def _substrate_of(project: Project) -> Substrate:
    name, build = project.settings.substrate, project.settings.build
    if name in SUBSTRATES:
        return SUBSTRATES[name](project)
    guard = _guard(project, "substrate", name)
    guard = replace(guard, seconds=guard.seconds + build.timeout)  # compilers are bounded by that
    return guarded_substrate(guard, _made(guard, "substrates", SUBSTRATES, project))


def _guard(project: Project, family: str, name: str) -> Guard:
    divert(project.logs)  # in a process of a colony, too
    return Guard(family, name, project.settings.plugins.timeout, project.root)


def _made(guard: Guard, group: str, known: Mapping[str, Any], *arguments: Any) -> Any:
    """What the plug-in of the guard's name makes of a project; PluginError when it cannot."""
    make = _found(guard, group, known)
    return guard.call("__init__", lambda: make(*arguments), lambda made: made)


def _found(guard: Guard, group: str, known: Mapping[str, Any]) -> Any:
    """An entry point of the group evolve_ai.<group>, or a dotted name."""
    name, toml = guard.name, guard.root / "evolve.toml"
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
        where=toml,
        todo='name one of them, or your own as "package.module:name"',
    )
