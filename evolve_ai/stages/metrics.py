"""The verb measure: the structure of each changed agent, in numbers."""

from collections.abc import Mapping
from dataclasses import replace

from evolve_ai.model.agent import Metrics
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import ScanReport, SourceReport


def measure(
    reports: tuple[ScanReport, ...], sources: Mapping[str, SourceReport]
) -> tuple[ScanReport, ...]:
    return tuple(
        replace(report, metrics=metrics_of(report.genome, sources))
        if report.genome is not None
        else report
        for report in reports
    )


def metrics_of(genome: Genome, sources: Mapping[str, SourceReport]) -> Metrics:
    """Functions, complexity (McCabe 1976) and lines are those of the active gene files."""
    active = [sources[gene.code] for gene in genome.active_files() if gene.code in sources]
    return Metrics(
        functions=sum(source.functions for source in active),
        active_genes=sum(1 for _ in genome.active_genes()),
        active_files=len(active),
        complexity=sum(source.complexity for source in active),
        lines=sum(source.lines for source in active),
    )
