"""The environments that the settings can name. Processes of colonies load these plug-ins alone."""

from collections.abc import Callable, Mapping
from typing import Any

from evolve_ai.contracts.environment import World
from evolve_ai.environments.series import SeriesWorld
from evolve_ai.environments.solitary import SolitaryWorld
from evolve_ai.guards.environment import guarded_world
from evolve_ai.guards.members import guard_of, made
from evolve_ai.model.draws import Draws
from evolve_ai.model.family_settings import is_built_in
from evolve_ai.system.project import Project

# name -> what makes the plug-in. A new one is a line here, and one in model/family_settings.py.
ENVIRONMENTS: Mapping[str, Callable[[Project, Draws, Any], World]] = {
    "series": lambda project, draws, options: SeriesWorld(
        project.root, options, project.settings.economy, draws
    ),
    "solitary": lambda project, draws, _: SolitaryWorld(project.settings.economy, draws),
}


def world_of(project: Project) -> World:
    """The environment that the settings name."""
    chosen, draws = project.settings.environment, Draws(project.settings.seed)
    if is_built_in(chosen):
        return ENVIRONMENTS[chosen.name](project, draws, chosen)
    guard = guard_of(project, "environment", chosen.name)
    return guarded_world(guard, made(guard, "environment", ENVIRONMENTS, chosen, project, draws))
