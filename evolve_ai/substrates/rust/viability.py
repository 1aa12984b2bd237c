"""Says why a genome cannot live, before any compiler sees it."""

from collections.abc import Mapping

from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import SourceReport
from evolve_ai.substrates.rust.gene_names import KEYWORDS, NAMES


def viability(genome: Genome, sources: Mapping[str, SourceReport]) -> str | None:
    """Why this genome cannot live with these sources (by SHA-256), or None."""
    active = {gene.path for gene in genome.files if gene.active}
    known = {gene.path for gene in genome.files}
    for gene in genome.files:
        reason = _file(gene, sources, active, known)
        if reason:
            return reason
    return None


def _file(
    gene: FileGene, sources: Mapping[str, SourceReport], active: set[str], known: set[str]
) -> str | None:
    if gene.stem in KEYWORDS:
        return f"{gene.path} is named by a word of Rust, so no module can be called that"
    source = sources.get(gene.code)
    if source is None:
        return f"{gene.path} is to hold {gene.code[:12]}…, and no such source is known"
    for name, _ in gene.functions:
        if name not in source.genes:
            return f"{gene.path} has no gene `{name}` (it has {_listed(source.genes)})"
    for used in source.uses if gene.active else ():
        module = NAMES.name_of(used)
        if used not in known:
            return f"{gene.path} uses crate::genes::{module}, and the genome has no such file"
        if used not in active:
            return f"{gene.path} is active and uses crate::genes::{module}, which is not"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "none"
