"""The verb audit: lets only code that was read and found harmless go to a compiler."""

from collections.abc import Mapping
from dataclasses import replace

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.report import ScanReport, SourceReport


def audit(
    reports: tuple[ScanReport, ...], sources: Mapping[str, SourceReport]
) -> tuple[ScanReport, ...]:
    """The same reports, with a fault for each agent whose active code is refused."""
    return tuple(_audited(report, sources) for report in reports)


def _audited(report: ScanReport, sources: Mapping[str, SourceReport]) -> ScanReport:
    if report.fault is not None or report.genome is None:
        return report
    for gene in report.genome.active_files():
        source = sources[gene.code]
        problem = source.syntax_error or source.audit_error
        if problem:
            return replace(report, fault=Fault(Cause.AUDIT, f"{gene.path}: {problem}"))
    return report
