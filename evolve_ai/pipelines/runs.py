"""Does one thing for a command: opens what that needs, and closes it afterwards."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomlkit

from evolve_ai import __version__
from evolve_ai.colony.bounds import bounded
from evolve_ai.colony.boxes import EXAM
from evolve_ai.contracts.substrate import Progress
from evolve_ai.inspection import views
from evolve_ai.inspection.explain import explain_build
from evolve_ai.inspection.verification import lost_key, verify_project
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.pruning import Pruned
from evolve_ai.model.settings import Settings
from evolve_ai.model.status import (
    AgentStory,
    AuditResult,
    BuildExplanation,
    BuildResult,
    ExamResult,
    Verification,
)
from evolve_ai.notifications.notifier import Notifier, open_notifier
from evolve_ai.notifications.orchestrator_log import Log
from evolve_ai.notifications.webhook_check import check_webhooks
from evolve_ai.operator import commands, inbox
from evolve_ai.operator.operator import Hear
from evolve_ai.pipelines.audit_agents import audit_agents
from evolve_ai.pipelines.build_agents import build_agents
from evolve_ai.pipelines.exam import examine
from evolve_ai.pipelines.import_agents import Imported, import_agents
from evolve_ai.pipelines.initiate_project import Founding, founder, initiate_project
from evolve_ai.pipelines.life_manager import LifeManager
from evolve_ai.session import stopping
from evolve_ai.session.abandonment import NO_SEASON, abandon_season
from evolve_ai.session.boxed_trial import boxed_trial
from evolve_ai.session.components import Assemble, Components, check_needs, nobody
from evolve_ai.session.finding import open_project
from evolve_ai.session.holding import LIFE_CYCLE, life_cycle
from evolve_ai.session.pool import check_seed, open_pool
from evolve_ai.session.project_root import find_remains, find_root
from evolve_ai.session.recovery import add_news, open_registry, refuse_lost, take_news
from evolve_ai.session.run_names import run_id
from evolve_ai.session.sandboxing import Terms, sandbox_of
from evolve_ai.stages.observe import load_of
from evolve_ai.state.copies import Copies
from evolve_ai.state.registry import Batch, Registry, Run
from evolve_ai.state.rescue import put_back
from evolve_ai.state.traces import no_population
from evolve_ai.system.files import publish
from evolve_ai.system.lock import Holder, Lock
from evolve_ai.system.paths import check_path
from evolve_ai.system.project import Folders, Project
from evolve_ai.system.settings_file import FILE_NAME

INIT, IMPORT = "init", "import"


@contextmanager
def opened(
    project: Project,
    assemble: Assemble,
    purpose: str,
    terms: Terms | None = None,
    tell: Hear | None = None,
) -> Iterator[tuple[Components, Registry, str]]:
    """Open a project for writing: its components, its registry, and the name of this run, which is
    recorded. Raises HeldError when another command holds the project.

    A command that starts agents passes `terms`. UsageError in a folder where programs cannot be
    built, except for commands that only stop agents.
    """
    _check_before(project, purpose, terms)
    with ExitStack() as stack:
        stack.enter_context(Lock(project.workspace, purpose))
        registry = stack.enter_context(_registry_for(purpose, project))
        notifier = open_notifier(
            project.settings, project.logs, registry.events_after, mark=project.delivered
        )
        stack.callback(_close, notifier, tell)
        if lost := lost_key(project):
            notifier.log.warning(lost)
            add_news(registry, lost)
        group = None
        if terms is not None:  # before any process is started
            group = stack.enter_context(bounded(project, len(registry.living()), notifier.log))
        components = replace(assemble(project, notifier), group=group)
        stack.callback(components.executor.close)
        notifier.join(components.open_sinks(notifier.log))
        check_needs(components)
        if terms is not None:
            components = _boxed(components, terms, registry if purpose == LIFE_CYCLE else None)
        stack.callback(_left_in_place, registry, notifier.log)  # also after an error
        with _on_record(registry, purpose) as run:
            yield components, registry, run
        _left_in_place(registry, notifier.log)
        for trouble in Copies(project.registry).at_end(registry):
            notifier.log.warning(trouble)


def _registry_for(purpose: str, project: Project) -> Registry:
    return open_registry(
        project, mends=purpose == LIFE_CYCLE, makes=purpose == INIT, anew=purpose == IMPORT
    )


def _boxed(components: Components, terms: Terms, registry: Registry | None) -> Components:
    """The components with the sandbox that is available here."""
    libraries = components.substrate.needs.libraries
    return replace(components, sandbox=sandbox_of(components.project, libraries, terms, registry))


@contextmanager
def _on_record(registry: Registry, purpose: str) -> Iterator[str]:
    """Record a new run and its end; a run that fails or is killed has no recorded end."""
    run = run_id()
    registry.begin_run(Run(run, purpose, version=__version__))
    yield run
    registry.end_run(run)


def _left_in_place(registry: Registry, log: Log) -> None:
    """Put the registry's file back if it was removed while open: else all would be lost now."""
    try:
        told = put_back(registry)
    except EvolveError as error:
        told = (str(error),)
    for words in told:
        log.warning(words)


def _check_before(project: Project, purpose: str, terms: Terms | None) -> None:
    """Refuse early, before anything is written, what would fail later."""
    if purpose in (INIT, IMPORT) or (terms is not None and not terms.as_before):
        check_path(project.root)
        check_webhooks(project.settings, project.root)


def choose_seed(folder: Path, seed: int) -> None:
    """Write the seed into evolve.toml, unless a population with another seed exists."""
    project = open_project(folder)
    refuse_lost(project)
    check_path(project.root)
    if project.registry.exists():
        with Registry.read(project.registry) as registry:
            check_seed(project.root, registry, seed)
    file = project.root / FILE_NAME
    document = tomlkit.parse(file.read_text(encoding="utf-8-sig"))
    if document.get("seed") != seed:
        document["seed"] = seed
        publish(file, tomlkit.dumps(document).encode())


def _close(notifier: Notifier, tell: Hear | None) -> None:
    notifier.close()
    if tell is not None:
        for line in notifier.lost():
            tell("not told", line)


def found(
    project: Project,
    assemble: Assemble,
    count: int,
    progress: Callable[[int, int], None],
    build_progress: Progress | None = None,
    terms: Terms | None = None,
) -> Founding:
    with opened(project, assemble, INIT) as (components, registry, run):
        trial = boxed_trial(components, terms or Terms(), build_progress)
        return initiate_project(components, registry, count, run, progress, source=trial)


@dataclass(frozen=True, slots=True)
class Operated:
    """The result of a command. With a `holder`, that life-cycle will carry it out for the agents
    `ids`. Without one, `told` has (name, outcome) of earlier waiting commands and of this one."""

    ids: tuple[str, ...]
    holder: Holder | None
    told: tuple[tuple[str, str], ...] = ()


def operate(
    folder: Path,
    overrides: Sequence[str],
    assemble: Assemble,
    name: str,
    prefixes: Sequence[str] = (),
    everyone: bool = False,
    lost: bool = False,
) -> Operated:
    """Give the population a command: `kill`, `revive`, `pause` or `resume`.

    With a running life-cycle the settings are not read, as for `stop`. Raises EvolveError for a
    refused command.
    """
    project = Folders(find_root(folder))
    with Registry.read(project.registry) as registry:
        command = commands.checked(registry, name, prefixes, everyone, lost)
    ids = tuple(command.arguments.get("ids", ()))
    held = life_cycle(project)
    if held is not None:
        inbox.post(project.inbox, command)
        return Operated(ids, held)
    with opened(open_project(folder, overrides), assemble, name) as (components, registry, run):
        inbox.post(project.inbox, command)
        reach = commands.without_life_cycle(
            components, registry, founder(components, registry, run)
        )
        living = registry.living()
        carried = commands.carry_out(components, registry, run, registry.cycle, living, reach)
    return Operated(ids, None, carried.told)


def take_in(
    project: Project, assemble: Assemble, folder: Path, terms: Terms | None = None
) -> Imported:
    with opened(project, assemble, IMPORT) as (components, registry, run):
        trial = boxed_trial(components, terms or Terms())
        return import_agents(components, registry, folder, run, trial)


@contextmanager
def life(
    project: Project,
    assemble: Assemble,
    build_progress: Progress | None = None,
    hear: Hear | None = None,
    terms: Terms | None = None,
    abandon: bool = False,
) -> Iterator[LifeManager]:
    """A life manager; `abandon` first gives up a season that was left in the middle."""
    with opened(project, assemble, LIFE_CYCLE, terms or Terms(), hear) as (
        components,
        registry,
        run,
    ):
        if not registry.state.is_founded:
            raise no_population(project.registry)
        if abandon:
            told = abandon_season(registry, components.sink, run, "asked for by the operator")
            add_news(registry, told or NO_SEASON)
        with LifeManager(components, registry, run, build_progress, hear) as manager:
            manager.population.notes += take_news(registry)
            yield manager


def send_home(folder: Path, overrides: Sequence[str], assemble: Assemble) -> stopping.SentHome:
    """Stop agents that live on without a life-cycle, as a life-cycle does at its end: the season is
    finished, and memories are kept. If that is impossible, see stopping."""

    def finish() -> None:
        project = open_project(folder, overrides)
        if world := stopping.world_under_way(project):  # a season ends in the world it began in
            project = open_project(folder, (*overrides, _assigned("environment", world)))
        with life(project, assemble, terms=Terms(as_before=True)) as manager:
            manager.stop()
            manager.manage_agents_lifecycle()

    return stopping.send_home(Project(find_remains(folder), Settings()), finish, run_id())


def prune(project: Project, assemble: Assemble) -> Pruned:
    """Forget what the settings do not ask to keep of the dead. HeldError while a life-cycle
    runs."""
    with Registry.read(project.registry):  # NoPopulationError where there is none
        pass
    with opened(project, assemble, "prune") as (components, registry, run):
        kept = project.settings
        registry.forget_events(kept.events.kept)
        found = registry.prune(kept.history, registry.cycle, everything=True)
        data = {"command": "prune", **found.to_map()}
        event = Event(Kind.COMMAND, registry.cycle, None, data)
        components.sink.deliver(registry.commit(Batch(events=(event,)), run))
    return found


def _assigned(key: str, table: Mapping[str, Any]) -> str:
    """A table written as an override on the command line."""
    inline = tomlkit.inline_table()
    inline.update({name: value for name, value in table.items() if value is not None})
    return f"{key} = {inline.as_string()}"


def story(project: Project, assemble: Assemble, prefix: str) -> AgentStory:
    world = assemble(project, nobody(project)).world
    with Registry.read(project.registry) as registry:
        record = registry.agent(prefix)
        cost = world.cost(load_of(record, registry.state.founder_genes))
        return views.story_of(project, registry, record, cost)


def build(
    project: Project,
    assemble: Assemble,
    prefixes: Sequence[str],
    progress: Progress | None = None,
    terms: Terms | None = None,
) -> BuildResult:
    """Raises HeldError while a life-cycle or an exam, which builds in the same place, runs."""
    check_path(project.root)
    with Registry.read(project.registry) as registry, Lock(project.workspace, "build"):
        components = assemble(project, nobody(project))
        with closing(components.executor):
            found = sandbox_of(project, components.substrate.needs.libraries, terms or Terms())
            return build_agents(replace(components, sandbox=found), registry, prefixes, progress)


def verify(project: Project, assemble: Assemble) -> Verification:
    """Takes no lock and writes nothing, so it may be called while a life-cycle runs."""
    return verify_project(assemble(project, nobody(project)))


def explain(project: Project, assemble: Assemble, prefix: str) -> BuildExplanation:
    """Takes no lock and writes nothing, so it may be called while a life-cycle runs."""
    with Registry.read(project.registry) as registry:
        return explain_build(assemble(project, nobody(project)), registry, prefix)


def audit(project: Project, assemble: Assemble, prefixes: Sequence[str]) -> AuditResult:
    """Takes no lock and writes nothing, like explain()."""
    with Registry.read(project.registry) as registry:
        return audit_agents(assemble(project, nobody(project)), registry, prefixes)


def exam(
    project: Project,
    assemble: Assemble,
    progress: Progress | None = None,
    terms: Terms | None = None,
    even_if_told: bool = False,
) -> ExamResult:
    """Raises HeldError while a life-cycle runs, which builds in the same place."""
    with opened(project, assemble, EXAM, terms or Terms()) as (components, registry, _):
        if not registry.state.is_founded:
            raise no_population(project.registry)
        pool = open_pool(components, registry)
        builder = components.builder(pool)
        return examine(components, registry, pool, builder, progress, even_if_told)
