"""Opens the colonies of a run; first it stops agents that live in another layout."""

from collections.abc import Callable
from dataclasses import replace

from evolve_ai.colony.colonies import Colonies
from evolve_ai.colony.colony_member import ColonyProcess, Roster
from evolve_ai.colony.colony_process import ColonySpec
from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.colony.layout import ColonyLayout
from evolve_ai.contracts.colony import Colony
from evolve_ai.model.report import GenePool
from evolve_ai.session import session
from evolve_ai.session.components import Components
from evolve_ai.session.sandboxing import last_level, recorded
from evolve_ai.session.takeover import on_record, refuse_another_world, season_under_way
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.trees import discard

PoolNow = Callable[[], GenePool]


def open_colonies(components: Components, registry: Registry, run: str, pool: PoolNow) -> Colony:
    """Open the colonies of this run. While a season is under way, agents stay where they are.
    Otherwise they are stopped first if the wanted colonies or sandbox level differ from before.
    Raises SettingsError, without effect, when the season under way has another world."""
    refuse_another_world(components, registry)
    project = components.project
    before = ColonyLayout.of_last_run(registry)
    wanted = ColonyLayout.wanted(project.settings, registry.state)
    if season_under_way(registry):
        wanted = before
    elif wanted != before or last_level(registry) is not components.sandbox.level:
        _send_home(components, registry, run, pool, before)
    for folder in set(before.folders(project.workspace)) - set(wanted.folders(project.workspace)):
        discard(folder)
    _note(components, registry, run, wanted)
    return opened_colonies(components, registry, pool, wanted)


def _note(components: Components, registry: Registry, run: str, layout: ColonyLayout) -> None:
    """Record the colonies and the sandbox of this run."""
    asked = components.project.settings.sandbox.level
    events = [recorded(components.sandbox, asked, registry.cycle)]
    state = replace(
        registry.state,
        demes=layout.demes,
        colonies=layout.colonies,
        sandbox=str(components.sandbox),
    )
    components.sink.deliver(registry.commit(Batch(state=state, events=events), run))


def _send_home(
    components: Components, registry: Registry, run: str, pool: PoolNow, layout: ColonyLayout
) -> None:
    """Stop the agents of the old layout and keep their memories, by a run without a cycle."""
    if not any(folder.exists() for folder in layout.folders(components.project.workspace)):
        return
    colony = opened_colonies(components, registry, pool, layout)
    try:
        begun = session.begin(components, registry, run, pool(), colony, as_found=True)
        session.end(components, registry, run, colony, begun.agents, begun.agents)
    finally:
        colony.close()


def opened_colonies(
    components: Components, registry: Registry, pool: PoolNow, layout: ColonyLayout
) -> Colony:
    """Open a single colony in this process, several colonies in processes of their own."""
    program = keeper_program(components.project.workspace)
    members: list[ColonyProcess] = []
    try:
        for number, folder in enumerate(layout.folders(components.project.workspace)):
            spec = ColonySpec(
                components.project,
                folder,
                program,
                _next_epoch(registry),
                layout.demes,
                layout.demes_of(number),
                components.world_of,
                components.sandbox,
                components.substrate.needs,
                components.group,
            )
            if layout.colonies == 1:
                return spec.open()
            members.append(
                ColonyProcess(spec, _roster_of(components, registry, pool, layout, number))
            )
    except BaseException:
        for member in members:
            member.detach()
        raise
    return Colonies(layout, members)


def _roster_of(
    components: Components, registry: Registry, pool: PoolNow, layout: ColonyLayout, number: int
) -> Callable[[], Roster]:
    """A function that returns the roster of one colony, as last committed."""

    def roster() -> Roster:
        living = registry.living()
        mine = {a: r for a, r in living.items() if layout.colony_of(r.place) == number}
        known, expected = on_record(components, registry, pool(), mine, registry.memories())
        return Roster(_next_epoch(registry), known, expected)

    return roster


def _next_epoch(registry: Registry) -> int:
    """A new epoch, higher than all before."""
    state = replace(registry.state, epoch=registry.state.epoch + 1)
    registry.commit(Batch(state=state), run="")
    return state.epoch
