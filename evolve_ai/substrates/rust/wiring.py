"""Writes the wiring: the files that call an agent's active genes in genome order."""

from evolve_ai.model.genome import Genome
from evolve_ai.substrates.rust.gene_names import NAMES

MAIN = "src/main.rs"
MODULES = "src/genes/mod.rs"

_HEADER = (
    "// Wiring: which genes run, in which order. "
    "Generated from genome.bin; edits are overwritten.\n"
)


def wiring(genome: Genome) -> dict[str, bytes]:
    """The two generated files, by relative path; valid Rust with no gene at all, too."""
    return {MAIN: _main(genome).encode(), MODULES: _modules(genome).encode()}


def calls(genome: Genome) -> tuple[str, ...]:
    """What the wiring calls, in order: "module::function"."""
    return tuple(NAMES.call(gene.path, name) for gene, name in genome.active_genes())


def _main(genome: Genome) -> str:
    rows = "".join(
        f'    Gene {{ name: "{call}", run: genes::{call} }},\n' for call in calls(genome)
    )
    table = f"[\n{rows}]" if rows else "[]"
    return (
        f"{_HEADER}#[allow(unused_imports)]\n"
        "use agent::genes;\n"
        "use agent::kernel::{live, Gene};\n\n"
        f"const GENES: &[Gene] = &{table};\n\n"
        "fn main() {\n    live(GENES);\n}\n"
    )


def _modules(genome: Genome) -> str:
    rows = "".join(f"pub mod {gene.stem};\n" for gene in genome.active_files())
    return f"{_HEADER}\n{rows}" if rows else _HEADER
