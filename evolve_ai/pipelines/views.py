"""Owns what reports are made of: the registry, read into the models of model/status.py."""

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.genome import Genome, GenomeError, decode
from evolve_ai.model.status import (
    AgentRow,
    AgentStory,
    BudgetNumbers,
    BuildNumbers,
    FitnessNumbers,
    GenerationNumbers,
    PopulationCounts,
    Status,
)
from evolve_ai.pipelines.commands import PAUSED
from evolve_ai.pipelines.layout import Layout
from evolve_ai.pipelines.sandboxing import last_sandbox
from evolve_ai.stages.record import NO_HISTORY, TALLY, Tally, Totals
from evolve_ai.state.registry import Registry
from evolve_ai.system.consumption import in_their_folders
from evolve_ai.system.housekeeping import Housekeeping
from evolve_ai.system.lock import Holder, holder
from evolve_ai.system.project import Project

LIFE_CYCLE = "life-cycle"


def status_of(project: Project, registry: Registry) -> Status:
    living = as_they_are(project, registry.living().values())
    founders = registry.founders()
    last = registry.last_cycle()
    totals = Totals.from_json(last[2]["totals"]) if last else Totals()
    totals = totals.plus(Tally.from_json(registry.meta(TALLY)))
    held = life_cycle(project)
    return Status(
        project=str(project.root),
        life_cycle=held.identity.pid if held else None,
        cycle=last[0] if last else 0,
        tick=int(last[2]["tick"]) if last else 0,
        mode=project.settings.mode,
        paused=registry.meta(PAUSED) is not None,
        tainted=registry.meta("tainted"),
        population=_counts(registry, living, founders),
        places=int(registry.meta("places") or 0),
        generation=GenerationNumbers(
            max=max((r.generation for r in living), default=0),
            mean=statistics.fmean(r.generation for r in living) if living else 0.0,
        ),
        fitness=_fitness(living, founders),
        builds=BuildNumbers(**asdict(totals.builds)),
        restarts=totals.restarts,
        deaths=dict(Counter(str(record.cause) for record in registry.dead())),
        budgets=_budgets(project, living, Layout.of_last_run(registry).colonies),
        sandbox=last_sandbox(project, registry),
        history_digest=last[1] if last else NO_HISTORY,
    )


def _budgets(
    project: Project, living: list[AgentRecord], colonies: int
) -> dict[str, BudgetNumbers]:
    """As they are now: a life-cycle that runs has settled when it began what they allow."""
    ids = [record.id for record in living]
    pids = [record.pid for record in living if record.pid is not None]
    found = Housekeeping(project, ids, colonies).budgets(ids, pids)
    return {str(b.resource): BudgetNumbers(used=b.used, allowed=b.allowed) for b in found}


def life_cycle(project: Project) -> Holder | None:
    """The life-cycle that holds the project; a build or an exam is none."""
    held = holder(project.workspace)
    return held if held and held.purpose == LIFE_CYCLE else None


def as_they_are(project: Project, records: Iterable[AgentRecord]) -> list[AgentRecord]:
    """What the registry says of processes, held against those that are there."""
    known = list(records)
    pids = {record.id: record.pid for record in known if record.pid is not None}
    there = in_their_folders(pids, project.agents)
    return [
        record if record.pid is None or record.id in there else _without_process(record)
        for record in known
    ]


def _without_process(record: AgentRecord) -> AgentRecord:
    state = State.WAITING if record.state is State.RUNNING else record.state
    return replace(record, pid=None, state=state)


def _counts(
    registry: Registry, living: list[AgentRecord], founders: list[AgentRecord]
) -> PopulationCounts:
    dead = registry.count("dead")
    return PopulationCounts(
        alive=len(living),
        running=sum(1 for r in living if r.state is State.RUNNING),
        quarantined=sum(1 for r in living if r.is_set_aside),
        dead=dead,
        born=len(living) + dead - len(founders),
        founders=len(founders),
    )


def _fitness(living: list[AgentRecord], founders: list[AgentRecord]) -> FitnessNumbers:
    now = [r.fitness for r in living if r.fitness is not None and not r.is_set_aside]
    then = [r.fitness for r in founders if r.fitness is not None]
    return FitnessNumbers(
        best=max(now, default=None),
        mean=statistics.fmean(now) if now else None,
        founders_best=max(then, default=None),
        founders_mean=statistics.fmean(then) if then else None,
    )


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


def story_of(registry: Registry, record: AgentRecord, cost: int) -> AgentStory:
    """`cost`: what a tick costs this agent, thousandths of energy."""
    return AgentStory(
        agent=row_of(record),
        founder=record.founder,
        born_cycle=record.born_cycle,
        died_cycle=record.died_cycle,
        reason=record.reason,
        lineage=_lineage(registry, record),
        cost=cost,
        metrics=asdict(record.metrics),
        mutations=dict(record.mutations),
        children=registry.children(record.id),
        genome=_genome(registry.genome(record.id)),
        events=[recorded.line() for recorded in registry.events_of(record.id)],
    )


def _lineage(registry: Registry, record: AgentRecord) -> list[str]:
    line: list[str] = []
    while record.parents:
        record = registry.agent(record.parents[0])
        line.append(record.id)
    return line


def _genome(data: bytes) -> dict[str, Any]:
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
