"""`evolve build --explain`: examines one agent's program, without lock and without writing."""

from dataclasses import asdict

from evolve_ai.contracts.substrate import ReadOnlyBuilder
from evolve_ai.model.agent import AgentRecord, Fault
from evolve_ai.model.genome import decode
from evolve_ai.model.report import Explanation, GenePool, Program, ScanReport
from evolve_ai.model.status import BuildExplanation, ProgramFacts, UnitRow
from evolve_ai.session.components import Components
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.pool import check_kernel
from evolve_ai.stages.build import request_of
from evolve_ai.stages.context import Context
from evolve_ai.stages.reading import known_code, looked_at, with_faults
from evolve_ai.state.registry import Registry
from evolve_ai.system.content_store import Reading

NO_PROGRAM = Explanation((), (), "")


def explain_build(components: Components, registry: Registry, prefix: str) -> BuildExplanation:
    """What the program of this agent's present folder is made of, and whether it is built.

    Raises ToolchainError: without a compiler's version there is no fingerprint.
    """
    record = registry.alive(prefix)
    project = components.project
    pool = components.substrate.read_pool(project.template)
    check_kernel(registry, pool, project.template)
    pool = components.substrate.equipped(project.workspace, pool)
    store = Reading(project.sources)
    report = _looked_at(components.context(pool, cycle=0), record.id, store)
    read_only_builder = components.substrate.read_only_builder(project.workspace, pool)
    told, fingerprint = NO_PROGRAM, None
    if report.genome is not None:
        fingerprint = components.substrate.fingerprint(report.genome, pool)
        told = read_only_builder.explain(request_of(fingerprint, report.genome), store.seen)
    program = told.program if report.fault is None else None
    facts = None
    if program is not None and fingerprint is not None:
        others = _others(components, registry, pool, read_only_builder, record.id)
        facts = ProgramFacts(
            file=str(program.file),
            arguments=list(program.arguments),
            bytes=program.file.stat().st_size,
            file_sharers=sum(1 for other in others if other.file == program.file),
            sharers=others.count(program),
        )
    return _explanation(components, record, fingerprint, told, report.fault, facts)


def _looked_at(context: Context, agent: str, store: Reading) -> ScanReport:
    """Scan and audit one folder; its content is read into `store`."""
    reports = looked_at(context, [agent], store)
    (found,) = with_faults(context, reports, known_code(context, reports, store).sources)
    return found


def _others(
    components: Components,
    registry: Registry,
    pool: GenePool,
    read_only_builder: ReadOnlyBuilder,
    agent: str,
) -> list[Program]:
    """The programs that all other living agents would run now, by their records."""
    genomes = [decode(registry.genome(other)) for other in registry.living() if other != agent]
    fingerprints = [components.substrate.fingerprint(genome, pool) for genome in genomes]
    by_fingerprint = dict(zip(fingerprints, genomes, strict=True))
    ready = read_only_builder.ready([request_of(*one) for one in by_fingerprint.items()])
    return [ready[one] for one in fingerprints if one in ready]


def _explanation(
    components: Components,
    record: AgentRecord,
    fingerprint: str | None,
    told: Explanation,
    found: Fault | None,
    program: ProgramFacts | None,
) -> BuildExplanation:
    """The explanation. A fault found in the folder takes precedence over the program's state."""
    fault = found or told.fault
    runs = record.pid is not None and life_cycle(components.project) is not None
    return BuildExplanation(
        agent=record.id,
        state=str(record.state),
        verdict="failed" if fault else "ready" if program else "unbuilt",
        cause=str(fault.cause) if fault else None,
        reason=found.reason if found else told.reason,
        fingerprint=fingerprint,
        recorded_fingerprint=record.fingerprint,
        running_fingerprint=record.running_fingerprint if runs else None,
        pid=record.pid if runs else None,
        ingredients=dict(told.ingredients),
        units=[UnitRow.model_validate(asdict(unit)) for unit in told.units],
        program=program,
    )
