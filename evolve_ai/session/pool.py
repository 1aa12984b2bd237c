"""Reads the template as the gene pool of a population, and checks that its kernel is unchanged."""

from dataclasses import replace
from pathlib import Path

from evolve_ai.model.errors import SettingsError, TemplateError
from evolve_ai.model.report import GenePool
from evolve_ai.session.components import Components
from evolve_ai.stages.birth import UNBORN
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.trees import discard


def open_pool(components: Components, registry: Registry) -> GenePool:
    """Read the template, store its code, and check it against the founders' kernel."""
    project = components.project
    for folder in (project.agents, project.logs, project.workspace):
        folder.mkdir(parents=True, exist_ok=True)
    for unborn in project.agents.glob(f"{UNBORN}*"):
        discard(unborn)
    pool = components.substrate.read_pool(project.template)
    store = ContentStore(project.sources)
    for code in pool.code.values():
        store.put(code)
    check_seed(project.root, registry, project.settings.seed)
    if registry.state.fixed_hash is None:
        first = replace(registry.state, fixed_hash=pool.fixed_hash, seed=project.settings.seed)
        registry.commit(Batch(state=first), run="")
    check_kernel(registry, pool, project.template)
    return components.substrate.equip(project.workspace, pool)


def check_kernel(registry: Registry, pool: GenePool, template: Path) -> None:
    """A population keeps its kernel: TemplateError for a pool with another one."""
    if registry.state.fixed_hash != pool.fixed_hash:
        there = ", ".join(sorted({*pool.as_in_template, *pool.manifests}))
        raise TemplateError(
            "the kernel or manifest of the template differs from that of the living agents",
            where=template,
            todo="put back the kernel and the manifest of the founding, also files that are gone "
            f"(now there are {there}), or begin a new project: evolve new DIR",
        )


def check_seed(root: Path, registry: Registry, seed: int) -> None:
    """A population keeps its first seed: SettingsError for another one."""
    known = registry.state.seed
    if known is not None and known != seed:
        raise SettingsError(
            f"seed {seed} was asked for, but this population began with seed {known}",
            where=root / "evolve.toml",
            todo=f"set seed = {known}, or begin a new project: evolve new DIR",
        )


def fix_prices(registry: Registry, run: str) -> None:
    """Record, once, the founders' mean number of active genes: it sets the price of genes."""
    if registry.state.founder_genes is not None:
        return
    genes = [record.active_genes for record in registry.founders()]
    if genes:
        state = replace(registry.state, founder_genes=sum(genes) / len(genes))
        registry.commit(Batch(state=state), run)
