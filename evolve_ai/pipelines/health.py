"""Owns what `evolve doctor` is asked about: this machine, and whatever of a project can be read."""

from collections.abc import Sequence
from pathlib import Path

from evolve_ai.model.errors import EvolveError, NoPopulationError, RegistryError, SandboxError
from evolve_ai.model.settings import Settings
from evolve_ai.pipelines.doctor import Check, NamedDetail, examine
from evolve_ai.pipelines.finding import open_project
from evolve_ai.pipelines.runs import Assemble, nobody
from evolve_ai.state.registry import Registry
from evolve_ai.state.traces import MENDS, missing
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import Project


def check_health(folder: Path, overrides: Sequence[str], assemble: Assemble) -> list[Check]:
    """What evolve needs and what this project has, checked; nothing is changed."""
    try:
        refuse_other_systems()
    except SandboxError as error:
        return [Check("system", False, error.what, error.todo or "")]

    def read_template() -> str:
        project = open_project(folder, overrides)
        parts = assemble(project, nobody(project))
        pool = parts.substrate.read_pool(project.template)
        genes = sum(len(source.genes) for source in pool.sources)
        return f"{genes} genes in {len(pool.sources)} files"

    def check_registry() -> str:
        project = open_project(folder, overrides)
        found = missing(project.registry)
        if not project.registry.exists():
            if isinstance(found, NoPopulationError):
                return "none yet"
            raise found
        with Registry.read(project.registry) as registry:
            verdict = registry.check()
        if verdict != "ok":
            raise RegistryError(verdict, where=project.registry, todo=MENDS)
        return f"whole, {len(pids)} agents alive"

    try:
        project = open_project(folder, overrides)
    except EvolveError:
        project = Project(folder, Settings())  # one of the checks tells why
    pids = _pids(project.registry)
    tools, libraries = _tools(project, assemble)
    return examine(project, pids, tools, read_template, check_registry, libraries)


def _pids(path: Path) -> dict[str, int | None]:
    """The living and the pids that they had last; nobody where the registry cannot be read."""
    if not path.exists():
        return {}
    try:
        with Registry.read(path) as registry:
            return {record.id: record.pid for record in registry.living().values()}
    except EvolveError:
        return {}  # check_registry tells


def _tools(project: Project, assemble: Assemble) -> tuple[Sequence[NamedDetail], Sequence[str]]:
    """What the language of the agents needs, and its libraries; its plug-in may be missing."""
    try:
        substrate = assemble(project, nobody(project)).substrate
        return substrate.checks(), substrate.needs.libraries
    except EvolveError as error:
        refused = error

        def refuse() -> str:
            raise refused

        return [("substrate", refuse)], ()
