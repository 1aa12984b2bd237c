"""Collects what `evolve doctor` examines: this machine, and what is readable of a project."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evolve_ai.contracts.substrate import Substrate
from evolve_ai.inspection.doctor import SUBSTRATE, Check, Subject, check_up
from evolve_ai.model.environment_settings import SolitaryOptions
from evolve_ai.model.errors import EvolveError, NoPopulationError, RegistryError, SandboxError
from evolve_ai.model.selection_settings import DriftOptions
from evolve_ai.model.settings import Settings
from evolve_ai.model.variation_settings import StandardOptions
from evolve_ai.session.components import Assemble, nobody
from evolve_ai.session.finding import open_project
from evolve_ai.state.registry import Registry
from evolve_ai.state.traces import MENDS, missing
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import Project

# Settings that do not depend on the language of the agents.
_PLAIN = {
    "selection": DriftOptions(),
    "environment": SolitaryOptions(),
    "variation": StandardOptions(),
}


def check_health(folder: Path, overrides: Sequence[str], assemble: Assemble) -> list[Check]:
    """Check what evolve needs and what this project has; nothing is changed."""
    try:
        refuse_other_systems()
    except SandboxError as error:
        return [Check("system", False, error.what, error.todo or "")]

    def read_template() -> str:
        project = open_project(folder, overrides)
        pool = _substrate(project, assemble).read_pool(project.template)
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

    def name_plugins() -> str:
        assemble(open_project(folder, overrides), nobody(project)).executor.close()
        return "each name in the settings leads to one"

    try:
        project = open_project(folder, overrides)
    except EvolveError:
        project = Project(folder, Settings())  # one of the checks reports why
    pids = _pids(project.registry)
    subject = Subject(
        project, pids, plugins=name_plugins, template=read_template, registry=check_registry
    )
    return check_up(_with_substrate(subject, assemble))


def _pids(path: Path) -> dict[str, int | None]:
    """The living and their last known pids; empty when the registry cannot be read."""
    if not path.exists():
        return {}
    try:
        with Registry.read(path) as registry:
            return {record.id: record.pid for record in registry.living().values()}
    except EvolveError:
        return {}  # check_registry reports it


def _with_substrate(subject: Subject, assemble: Assemble) -> Subject:
    """Add what the language of the agents needs and can try; its plug-in may be missing."""
    try:
        substrate = _substrate(subject.project, assemble)
    except EvolveError as error:
        refused = error

        def refuse() -> str:
            raise refused

        return replace(subject, tools=[(SUBSTRATE, refuse)])
    return replace(
        subject,
        tools=substrate.checks(),
        libraries=substrate.needs.libraries,
        build=substrate.trial,
    )


def _substrate(project: Project, assemble: Assemble) -> Substrate:
    """The substrate, even if other plug-ins are broken."""
    settings = project.settings.model_copy(update=_PLAIN)
    plain = Project(project.root, settings)
    parts = assemble(plain, nobody(plain))
    parts.executor.close()
    return parts.substrate
