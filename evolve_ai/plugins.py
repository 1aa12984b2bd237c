"""Owns the list of plug-ins: what a name in the settings stands for, and the parts it makes."""

import importlib
from collections.abc import Callable, Mapping
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
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import EvolveError, PluginError
from evolve_ai.pipelines.parts import Parts
from evolve_ai.selection.drift import drift
from evolve_ai.selection.energy import energy
from evolve_ai.selection.tournament import tournament
from evolve_ai.selection.truncation import truncation
from evolve_ai.substrates.rust.substrate import RustSubstrate
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
    draws = Draws(settings.seed)
    substrate: Substrate = _made("substrates", SUBSTRATES, settings.substrate, project)

    return Parts(
        project=project,
        substrate=substrate,
        world=world_of(project),
        world_of=world_of,
        policy=find("selection", SELECTION, settings.selection, project),
        variation=_made("variation", VARIATION, settings.variation, project),
        executor=open_executor(settings.cycle.workers, PRELOAD),
        sink=sink,
        draws=draws,
        open_builder=substrate.builder,
    )


def world_of(project: Project) -> World:
    """The environment that the settings name."""
    name, draws = project.settings.environment, Draws(project.settings.seed)
    world: World = _made("environments", ENVIRONMENTS, name, project, draws)
    return world


def _made(family: str, known: Mapping[str, Any], name: str, project: Project, *more: Any) -> Any:
    """What the plug-in of this name makes of a project; PluginError when it cannot."""
    make = find(family, known, name, project)
    try:
        return make(project, *more)
    except EvolveError:
        raise
    except Exception as error:
        raise PluginError(
            f"{name} made none of the {family}: {type(error).__name__}: {error}",
            where=project.root / "evolve.toml",
            todo="it must be callable with a project: see DESIGN.md",
        ) from error


def find(family: str, known: Mapping[str, Any], name: str, project: Project) -> Any:
    """A built-in, an entry point of the group evolve_ai.<family>, or a dotted name."""
    if name in known:
        return known[name]
    if ":" in name:
        return _dotted(name, project)
    for entry in entry_points(group=f"evolve_ai.{family}"):
        if entry.name == name:
            return entry.load()
    raise PluginError(
        f"{name!r} is none of the {family}: {', '.join(sorted(known))}",
        where=project.root / "evolve.toml",
        todo='name one of them, or your own as "package.module:name"',
    )


def _dotted(name: str, project: Project) -> Any:
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise PluginError(
            f"{name} cannot be imported: {type(error).__name__}: {error}",
            where=project.root / "evolve.toml",
            todo="the module must lie beside evolve.toml or be installed",
        ) from error
