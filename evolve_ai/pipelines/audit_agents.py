"""`evolve audit`: checks gene code against the policy, without a lock and without writing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.report import Finding, ScanReport, Severity
from evolve_ai.model.status import AuditedFile, AuditResult, AuditRow, AuditTotals, FindingRow
from evolve_ai.pipelines.build_agents import chosen
from evolve_ai.pipelines.cycle_report import Stopwatch
from evolve_ai.session.components import Components
from evolve_ai.session.pool import check_kernel
from evolve_ai.stages.context import Context
from evolve_ai.stages.reading import KnownCode, known_code, looked_at, with_faults
from evolve_ai.state.registry import Registry
from evolve_ai.system.content_store import Reading


def audit_agents(
    components: Components, registry: Registry, prefixes: Sequence[str]
) -> AuditResult:
    """What the policy of the settings finds in these agents (or all living ones) as they are now.

    Raises TemplateError, before any agent is read, if the template itself is refused.
    """
    clock = Stopwatch()
    agents = chosen(registry, prefixes)
    pool = components.substrate.read_pool(components.project.template)
    check_kernel(registry, pool, components.project.template)
    context, store = components.context(pool, cycle=0), Reading(components.project.sources)
    reports = _of_the_living(registry, looked_at(context, agents, store))
    known = known_code(context, reports, store)
    found = with_faults(context, reports, known.sources)
    clock.lap("audit")
    rows = [_row(agents[report.id], report, known) for report in found]
    files = list(_files(context, found, known))
    return AuditResult(
        policy=context.policy,
        totals=_totals(rows, files),
        seconds=round(sum(clock.laps.values()), 6),
        files=files,
        agents=rows,
    )


def _of_the_living(registry: Registry, reports: list[ScanReport]) -> list[ScanReport]:
    """Drop the reports of agents that a running life-cycle has meanwhile recorded as dead."""
    if all(report.fault is None for report in reports):
        return reports
    living = registry.living()
    return [report for report in reports if report.fault is None or report.id in living]


def _row(record: AgentRecord, report: ScanReport, known: KnownCode) -> AuditRow:
    genome, fault = report.genome, report.fault
    active = genome.active_files() if genome is not None else ()
    warned = any(known.sources[gene.code].findings for gene in active if gene.code in known.sources)
    return AuditRow(
        id=record.id,
        state=str(record.state),
        verdict="refused" if fault else "warned" if warned else "clean",
        cause=str(fault.cause) if fault else None,
        reason=fault.reason if fault else None,
        files={gene.path: gene.code for gene in genome.files} if genome is not None else {},
    )


def _files(
    context: Context, reports: Sequence[ScanReport], known: KnownCode
) -> Iterator[AuditedFile]:
    """Each distinct file once, those with findings first."""
    genes = [gene for report in reports if report.genome for gene in report.genome.files]
    held = Counter((gene.path, gene.code) for gene in genes)
    active = Counter((gene.path, gene.code) for gene in genes if gene.active)
    files = [
        AuditedFile(
            path=path,
            code=code,
            agents=count,
            active=active[path, code],
            cached=code in known.cached,
            findings=[_finding(context, one) for one in known.sources[code].findings],
        )
        for (path, code), count in sorted(held.items())
        if code in known.sources
    ]
    yield from sorted(files, key=lambda file: not file.findings)


def _finding(context: Context, finding: Finding) -> FindingRow:
    reason = context.substrate.rule_reason(finding.rule)
    return FindingRow(**asdict(finding), reason=reason)


def _totals(rows: Sequence[AuditRow], files: Sequence[AuditedFile]) -> AuditTotals:
    verdicts = Counter(row.verdict for row in rows)
    severities = Counter(one.severity for file in files for one in file.findings)
    return AuditTotals(
        agents=len(rows),
        clean=verdicts["clean"],
        warned=verdicts["warned"],
        refused=verdicts["refused"],
        files=len(files),
        errors=severities[Severity.ERROR],
        warnings=severities[Severity.WARNING],
    )
