"""Builds the report of `evolve show` about one agent from the registry."""

from dataclasses import asdict
from typing import Any

from evolve_ai.inspection.looking import as_they_are
from evolve_ai.model.agent import AgentRecord, Metrics
from evolve_ai.model.genome import Genome, GenomeError, decode
from evolve_ai.model.population_report import AgentRow
from evolve_ai.model.status import AgentStory
from evolve_ai.state.registry import Registry
from evolve_ai.system.project import Project


def row_of(record: AgentRecord) -> AgentRow:
    return AgentRow(
        id=record.id,
        state=str(record.state),
        pid=record.pid,
        generation=record.generation,
        parents=list(record.parents),
        place=record.place,
        energy=record.energy,
        fitness=record.fitness,
        age=record.age,
        active_genes=record.active_genes,
        fingerprint=record.fingerprint,
        restarts=record.restarts,
        cause=record.cause,
        quarantine_cycles=record.quarantine_cycles,
        cpu_seconds=record.cpu_seconds,
        rss_bytes=record.rss_bytes,
    )


def story_of(project: Project, registry: Registry, record: AgentRecord, cost: int) -> AgentStory:
    """The report; `cost` is what a tick costs this agent, in thousandths of energy."""
    genome = registry.kept_genome(record.id)
    [row] = as_they_are(project, [row_of(record)])
    return AgentStory(
        agent=row,
        founder=record.founder,
        born_cycle=record.born_cycle,
        died_cycle=record.died_cycle,
        reason=record.reason,
        lineage=_lineage(registry, record),
        cost=cost,
        metrics=_metrics(record, genome),
        mutations=dict(record.mutations),
        children=registry.children(record.id),
        genome=_genome(genome),
        events=[recorded.line() for recorded in registry.events_of(record.id)],
    )


def _metrics(record: AgentRecord, genome: bytes | None) -> dict[str, int | None]:
    """As last measured; before the first measurement, what the genome tells, and null otherwise."""
    if record.metrics != Metrics():
        return dict(asdict(record.metrics))
    unmeasured: dict[str, int | None] = dict.fromkeys(asdict(record.metrics))
    try:
        told = decode(genome or b"")
    except GenomeError:
        return unmeasured
    genes, files = sum(1 for _ in told.active_genes()), sum(1 for _ in told.active_files())
    return {**unmeasured, "active_genes": genes, "active_files": files}


def _lineage(registry: Registry, record: AgentRecord) -> list[str]:
    line: list[str] = []
    while record.parents:
        parent = record.parents[0]
        line.append(parent)
        if not registry.knows(parent):  # the parent of an imported agent, or one that was forgotten
            break
        record = registry.agent(parent)
    return line


def _genome(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {"unreadable": "it is kept no more (settings: [history] genomes)"}
    try:
        genome: Genome = decode(data)
    except GenomeError as error:
        return {"unreadable": str(error)}
    return {
        "genes": [
            {
                "path": gene.path,
                "code": gene.code,
                "active": gene.active,
                "functions": dict(gene.functions),
            }
            for gene in genome.files
        ],
        "traits": dict(genome.traits),
    }
