"""Stops agents that outlived their life-cycle, even if the project is otherwise broken.

There are three ways, and each is tried when the one before it fails: a life-cycle finishes the
season; the season is abandoned, and agents are asked for their memories without world, template or
plug-ins; their processes are killed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.contracts.environment import World
from evolve_ai.executors.inline import InlineExecutor
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import EvolveError, HeldError, PluginError
from evolve_ai.model.guarantee import UNTRIED
from evolve_ai.model.report import GenePool, Needs
from evolve_ai.model.settings import Settings
from evolve_ai.notifications.notifier import open_notifier
from evolve_ai.session import session
from evolve_ai.session.abandonment import abandon_season
from evolve_ai.session.components import Components
from evolve_ai.session.opening import opened_colonies
from evolve_ai.session.takeover import season_under_way
from evolve_ai.state.registry import Registry
from evolve_ai.system.guard import described
from evolve_ai.system.leftovers import keepers, leftovers
from evolve_ai.system.lock import Lock
from evolve_ai.system.processes import end_strangers_left_behind
from evolve_ai.system.project import Project
from evolve_ai.system.settings_file import FILE_NAME, load_settings

_NO_POOL = GenePool((), {}, {}, {}, "")


@dataclass(frozen=True, slots=True)
class SentHome:
    """How many agents were stopped, and lines about how that went."""

    agents: int
    told: tuple[str, ...] = ()


def send_home(project: Project, finish: Callable[[], None], run: str) -> SentHome:
    """Stop the agents that live here. `finish` finishes the season and stops all agents.

    Raises HeldError when another command works in this project.
    """
    left = _left(project)
    if not left:
        end_strangers_left_behind(keepers(project.workspace))
        return SentHome(0)
    told: list[str] = []
    for way in (finish, lambda: told.extend(_abandon(project, run, told[-1]))):
        try:
            way()
        except HeldError:
            raise
        except Exception as error:  # a broken project must not prevent a stop
            told.append(error.what if isinstance(error, EvolveError) else described(error))
        if not _left(project):
            return SentHome(left, tuple(told))
    stubborn = end_strangers_left_behind(leftovers(project.agents))
    end_strangers_left_behind(keepers(project.workspace))
    _remove_pipes(project.workspace)
    told.append("agents were ended without being asked for their memories, which are lost")
    if stubborn:
        pids = ", ".join(str(one.pid) for one in stubborn)
        raise EvolveError(f"these cannot be ended: {pids}", where=project.agents)
    return SentHome(left, tuple(told))


def world_under_way(project: Project) -> Mapping[str, Any] | None:
    """The environment, with its options, of an interrupted season."""
    with Registry.read(project.registry) as registry:
        return registry.state.world if season_under_way(registry) else None


def settings_or_defaults(root: Path) -> Settings:
    """The settings, or the defaults: a mistake in evolve.toml must not prevent a stop."""
    try:
        return load_settings(root / FILE_NAME)
    except EvolveError:
        return Settings()


def _left(project: Project) -> int:
    return sum(1 for _ in leftovers(project.agents)) if project.agents.is_dir() else 0


def _remove_pipes(workspace: Path) -> None:
    """Remove the pipes of the colonies, which no process uses any more."""
    for pipe in workspace.glob("colony*/pipes/*"):
        if pipe.is_fifo():
            pipe.unlink(missing_ok=True)


def _abandon(project: Project, run: str, reason: str) -> list[str]:
    """Abandon the season and stop agents by asking for their memories."""
    project = replace(project, settings=settings_or_defaults(project.root))
    project = replace(project, settings=project.settings.model_copy(update={"hooks": {}}))
    Registry.read(project.registry).close()  # raises here if there is no sound registry
    with Lock(project.workspace, "stop"), Registry.create(project.registry) as registry:
        notifier = open_notifier(
            project.settings, project.logs, registry.events_after, mark=project.delivered
        )
        try:
            told = abandon_season(registry, notifier, run, reason)
            components = _bare(project, notifier)
            layout = ColonyLayout.of_last_run(registry)
            colony = opened_colonies(components, registry, lambda: _NO_POOL, layout)
            try:
                begun = session.begin(components, registry, run, _NO_POOL, colony, as_found=True)
                session.end(components, registry, run, colony, begun.agents, begun.agents)
            finally:
                colony.close()
        finally:
            notifier.close()
    return [told] if told else []


def _bare(project: Project, notifier: Any) -> Components:
    """Components that suffice to stop agents, without anything that the user may have broken."""
    nothing: Any = _Nothing()
    return Components(
        project=project,
        substrate=nothing,
        world=nothing,
        world_of=no_world,
        policy=nothing,
        variation=nothing,
        executor=InlineExecutor(),
        sink=notifier,
        draws=Draws(project.settings.seed),
        open_builder=nothing,
        open_sinks=lambda log: (),
        sandbox=UNTRIED,
    )


class _Nothing:
    """Stands for a component that stopping agents never uses."""

    name = "none"
    needs = Needs(0, 0)

    def open(self, places: int) -> Any:
        raise PluginError("there is no world here: agents are only sent home")


def no_world(project: Project) -> World:
    """The world of a colony that only stops agents; a module's function, so that it pickles."""
    nothing: Any = _Nothing()
    world: World = nothing
    return world
