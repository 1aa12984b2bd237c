"""Tests of what is generated for one agent: wiring and manifest, and what may not be wired."""

from dataclasses import replace

import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from rust_support import genome_of

from evolve_ai.model.errors import TemplateError
from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.substrates.rust.viability import viability
from evolve_ai.substrates.rust.wiring import MAIN, MODULES, calls, wiring

ID = "00000000-0000-4000-8000-000000000001"
RUST = RustSubstrate()

modules = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
functions = st.lists(st.tuples(modules, st.booleans()), max_size=4, unique_by=lambda pair: pair[0])
files = st.lists(
    st.builds(
        lambda name, active, genes: FileGene(
            f"src/genes/{name}.rs", "0" * 64, active, tuple(genes)
        ),
        modules,
        st.booleans(),
        functions,
    ),
    max_size=6,
    unique_by=lambda gene: gene.path,
)


@given(files)
def test_wiring_is_rust_that_names_the_active_genes_in_order(genes: list[FileGene]) -> None:
    genome = Genome(ID, 0, (), tuple(genes), {})
    generated = wiring(genome)
    assert set(generated) == {MAIN, MODULES} == RUST.wiring_files  # never a gene file
    for path, code in generated.items():
        assert read_source(path, code).syntax_error is None
        assert code.startswith(b"// Wiring: ")
    main = generated[MAIN].decode()
    rows = [line.split('"')[1] for line in main.splitlines() if line.startswith("    Gene {")]
    assert tuple(rows) == calls(genome)
    declared = [
        line[8:-1] for line in generated[MODULES].decode().splitlines() if "pub mod" in line
    ]
    assert declared == [gene.stem for gene in genome.active_files()]


def test_wiring_without_genes_has_an_empty_table() -> None:
    assert b"&[Gene] = &[];" in wiring(Genome(ID, 0, (), (), {}))[MAIN]


def test_manifest_is_the_template_s_with_another_name(pool: GenePool) -> None:
    (made,) = RUST.manifests(pool.manifests, ID).values()
    assert made == pool.manifests[MANIFEST].replace(b"agent-template", f"agent-{ID}".encode())
    assert tomlkit.parse(made.decode())["package"]["name"] == f"agent-{ID}"  # type: ignore[index]


def test_manifest_that_is_no_toml_is_refused_with_a_reason() -> None:
    try:
        RUST.manifests({MANIFEST: b"[package"}, ID)
    except TemplateError as error:
        assert "no TOML" in error.what
    else:
        raise AssertionError


def test_genome_that_activates_a_user_without_the_used_is_not_viable(pool: GenePool) -> None:
    sources = {source.code: source for source in pool.sources}
    both = genome_of(pool, {"beta": ["scale"], "gamma": []})
    assert viability(both, sources) is None
    alone = genome_of(pool, {"beta": ["scale"]})
    assert viability(alone, sources) == (
        "src/genes/beta.rs is active and uses crate::genes::gamma, which is not"
    )
    without = replace(both, files=tuple(gene for gene in both.files if gene.stem != "gamma"))
    assert "no such file" in (viability(without, sources) or "")


def test_genome_that_names_what_is_no_gene_is_not_viable(pool: GenePool) -> None:
    sources = {source.code: source for source in pool.sources}
    genome = genome_of(pool, {"gamma": ["scaled"]})
    assert viability(genome, sources) == "src/genes/gamma.rs has no gene `scaled` (it has negate)"


def test_genome_of_unknown_code_is_not_viable(pool: GenePool) -> None:
    assert "no such source is known" in (viability(genome_of(pool, {"alpha": []}), {}) or "")


def test_module_named_by_a_word_of_rust_is_not_viable(pool: GenePool) -> None:
    sources = {source.code: source for source in pool.sources}
    gene = FileGene("src/genes/mod.rs", pool.sources[0].code, True, ())
    genome = Genome(ID, 0, (), (gene,), {})
    assert "word of Rust" in (viability(genome, sources) or "")


def test_circle_is_viable_when_whole(pool: GenePool) -> None:
    sources = {source.code: source for source in pool.sources}
    assert viability(genome_of(pool, {"ping": ["ping"], "pong": []}), sources) is None
    assert viability(genome_of(pool, {"ping": ["ping"]}), sources) is not None


def test_fingerprint_ignores_the_name_and_what_is_inactive(pool: GenePool) -> None:
    one = genome_of(pool, {"alpha": ["add"]}, number=1)
    two = genome_of(pool, {"alpha": ["add"]}, number=2)
    two = replace(two, files=(two.files[0],), traits={"alpha_step": 0.3}, generation=7)
    assert RUST.fingerprint(one, pool) == RUST.fingerprint(two, pool)


def test_fingerprint_tells_order_code_kernel_and_calls_apart(pool: GenePool) -> None:
    genomes = [
        genome_of(pool, {"alpha": ["add", "double"]}),
        genome_of(pool, {"alpha": ["double", "add"]}),
        genome_of(pool, {"alpha": ["add"]}),
        genome_of(pool, {"alpha": []}),
        genome_of(pool, {}),
        genome_of(pool, {"alpha": ["add"]}, {"alpha": b"other"}),
        genome_of(pool, {"alpha": ["add"], "gamma": ["negate"]}),
        genome_of(pool, {"gamma": ["negate"], "alpha": ["add"]}),
    ]
    prints = {RUST.fingerprint(genome, pool) for genome in genomes}
    prints.add(RUST.fingerprint(genomes[0], replace(pool, fixed_hash="other")))
    assert len(prints) == len(genomes) + 1
