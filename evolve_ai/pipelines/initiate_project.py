"""Founds agents from the template."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.contracts.variation import Variation
from evolve_ai.executors.chunks import chunked
from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.draws import Draws
from evolve_ai.model.errors import (
    EvolveError,
    StorageError,
    TemplateError,
    UsageError,
)
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.report import GenePool
from evolve_ai.operator.commands import Found
from evolve_ai.session.components import Components
from evolve_ai.session.inputs import note_inputs
from evolve_ai.session.pool import fix_prices, open_pool
from evolve_ai.session.template import known_files, refusal, remembering, taken_up
from evolve_ai.stages.birth import BirthTask, Newborn, Nursery, bear_chunk, nursery_of
from evolve_ai.stages.context import Context
from evolve_ai.stages.succession import newborn_record
from evolve_ai.stages.trial import Trial
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.genome_file import GENOME
from evolve_ai.system.project import Project

Progress = Callable[[int, int], None]
# The source of the founders' genes: a pool, or a function to try the genes of the template with.
Source = GenePool | Callable[[GenePool], Trial]
MOST = 1_000_000
LOG = "initialization_log.txt"


@dataclass(frozen=True, slots=True)
class Founding:
    """The result of `init`. `resumed` of the founders complete an interrupted `init`. `untried`:
    why only the first life-cycle will try the gene files, or "".
    """

    founded: tuple[AgentRecord, ...]
    resumed: int
    places: int
    untried: str = ""


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A chunk for a worker: which founders to draw, and from which pool."""

    nursery: Nursery
    variation: Variation
    pool: GenePool
    seed: int
    numbers: tuple[int, ...]


def initiate_project(
    components: Components,
    registry: Registry,
    count: int,
    run: str,
    progress: Progress | None = None,
    done: str | None = None,
    source: Source | None = None,
) -> Founding:
    """Found `count` more agents, each completely or not at all.

    An interrupted founding of the same number is continued; one of another number is forgotten.
    `done` is the file of an operator command: it is recorded as carried out in the transaction that
    ends the founding. `source` is the pool of a running life-cycle, or a function to try gene files
    with; without a source they are not tried.
    Raises UsageError for an absurd count, TemplateError for an unusable template, SettingsError for
    another seed, ToolchainError when the keeper cannot be compiled.
    """
    check_count(count)
    _refuse_strangers(components.project, registry)
    keeper_program(components.project.workspace)
    pool, untried = _pool_of(components, registry, source, run)
    note_inputs(components, registry, run, pool)
    state = registry.state
    pending = (state.founding or 0) if state.founding_asked == count else 0
    total = pending or count
    registry.commit(Batch(state=replace(state, founding=total, founding_asked=count)), run)
    context = components.context(pool, registry.cycle)
    founded: list[AgentRecord] = []
    for newborns in _found(components, context, state.numbers, total):
        founded += _enter(components, context, registry, newborns, run)
        if progress:
            progress(len(founded), total)
    fix_prices(registry, run)
    state = registry.state
    over = replace(state, founding=None, founding_asked=None, inbox_done=done or state.inbox_done)
    registry.commit(Batch(state=over), run)
    return Founding(tuple(founded), pending, over.places or 0, untried)


def founder(components: Components, registry: Registry, run: str) -> Found:
    """A function that founds agents for the operator command `init`."""

    def found(count: int, done: str, pool: GenePool | None) -> tuple[AgentRecord, ...]:
        founding = initiate_project(components, registry, count, run, done=done, source=pool)
        return founding.founded

    return found


def _pool_of(
    components: Components, registry: Registry, source: Source | None, run: str
) -> tuple[GenePool, str]:
    """The pool for the founders, and why its files were not tried ("" if they were)."""
    if isinstance(source, GenePool):
        return source, ""
    pool = open_pool(components, registry)
    if source is None:
        return pool, ""
    try:
        taken = taken_up(components, pool, known_files(registry), source(pool))
    except TemplateError:
        raise
    except EvolveError as error:
        return pool, str(error)
    assert taken is not None, "who founds agents waits until all is tried"
    if taken.refused:
        raise refusal(components, taken.refused)
    registry.commit(Batch(state=remembering(registry.state, taken)), run)
    return taken.pool, next(iter(taken.undecided.values()), "")


def _refuse_strangers(project: Project, registry: Registry) -> None:
    """Refuse if the registry is lost but folders are left, whose genomes must not be lost too."""
    if registry.state.is_founded or registry.state.founding is not None:
        return
    strangers = sum(1 for _ in project.agents.glob(f"*/{GENOME}"))
    if strangers:
        raise StorageError(
            f"{strangers} agents are here that the registry does not know",
            where=project.agents,
            todo="take them in: evolve import agents; or move the folder away",
        )


def check_count(count: int) -> None:
    if not 1 <= count <= MOST:
        raise UsageError(f"{count} agents cannot be founded", todo=f"say 1 to {MOST}")


def _found(
    components: Components, context: Context, first: int, total: int
) -> Iterator[list[tuple[int, Newborn]]]:
    nursery, seed = nursery_of(context), context.draws.seed
    numbers = range(first, first + total)
    tasks = [
        FoundTask(nursery, components.variation, context.pool, seed, chunk)
        for chunk in chunked(numbers, context.settings.cycle.chunk)
    ]
    chunks = context.executor.map(found_chunk, tasks)
    for task, newborns in zip(tasks, chunks, strict=True):
        yield list(zip(task.numbers, newborns, strict=True))


def found_chunk(task: FoundTask) -> tuple[Newborn, ...]:
    draws = Draws(task.seed)
    ids = [draws.uuid("founder", number) for number in task.numbers]
    genomes = tuple(
        task.variation.found(agent, task.pool, draws.rng("found", agent)) for agent in ids
    )
    return bear_chunk(BirthTask(task.nursery, genomes))


def _enter(
    components: Components,
    context: Context,
    registry: Registry,
    newborns: list[tuple[int, Newborn]],
    run: str,
) -> list[AgentRecord]:
    """Commit a chunk of founders to the registry, and append it to the founding log."""
    economy = context.settings.economy
    state, places = registry.state, registry.state.places or 0
    records = [
        replace(
            newborn_record(
                newborn, number, places + at, context.cycle, context.start_energy, founder=True
            ),
            age=context.draws.rng("age", newborn.genome.id).randrange(economy.age_limit),
        )
        for at, (number, newborn) in enumerate(newborns)
    ]
    batch = Batch(
        records=records,
        genomes={newborn.genome.id: newborn.genome_bytes for _, newborn in newborns},
        state=replace(
            state,
            numbers=newborns[-1][0] + 1,
            places=places + len(records),
            founding=(state.founding or 0) - len(records),
        ),
        during=context.cycle,
        events=[_founding_event(record) for record in records],
    )
    components.sink.deliver(registry.commit(batch, run))
    _write_log(context.project, records, [newborn.code_hash for _, newborn in newborns])
    return records


def _founding_event(record: AgentRecord) -> Event:
    data = {"place": record.place, "active_genes": record.active_genes, "energy": record.energy}
    return Event(Kind.FOUNDING, record.born_cycle, record.id, data)


def _write_log(project: Project, records: list[AgentRecord], codes: list[str]) -> None:
    """Write a line per founder; `code` is the hash of its code and wiring after sync."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with (project.logs / LOG).open("a", encoding="utf-8") as log:
            log.writelines(
                f"{now} founded {record.id} place={record.place} "
                f"active_genes={record.active_genes} genome={record.genome_hash[:16]} "
                f"code={code[:16]}\n"
                for record, code in zip(records, codes, strict=True)
            )
    except OSError as error:
        raise EvolveError(
            f"cannot be written: {error.strerror}", where=project.logs / LOG
        ) from error
