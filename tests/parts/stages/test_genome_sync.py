"""Tests of the verb sync: wiring follows the genome; business logic is never touched."""

import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stages_support import VARIATION, Population, snapshot

from evolve_ai.model.agent import Cause
from evolve_ai.model.genome import Genome
from evolve_ai.model.settings import BuildSettings
from evolve_ai.stages.genome_sync import sync
from evolve_ai.substrates.rust.substrate import RustSubstrate

GENERATED = {"src/main.rs", "src/genes/mod.rs", "Cargo.toml"}
GENE = "src/genes/alpha.rs"


@pytest.fixture
def one(tmp_path: Path) -> Population:
    return Population.of(tmp_path, 1)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Population:
    """An agent whose genome is rewritten again and again."""
    return Population.of(tmp_path_factory.mktemp("lasting"), 1)


def rewritten(population: Population, seed: int, order: list[int]) -> Genome:
    """A viable random genome of the same agent, its files in this order."""
    drawn = VARIATION.found(population.first, population.context.pool, random.Random(seed))
    return replace(drawn, files=tuple(drawn.files[at] for at in order))


@given(seed=st.integers(0, 2**32), order=st.permutations(range(5)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_generated_files_are_ever_written(
    lasting: Population, seed: int, order: list[int]
) -> None:
    lasting.write_genome(rewritten(lasting, seed, order))
    before = snapshot(lasting.folder())
    updated = lasting.look()
    after = snapshot(lasting.folder())
    assert set(before) == set(after)
    assert {name for name in after if after[name] != before[name]} <= GENERATED
    assert updated.agents[lasting.first].state == "running"


@given(seed=st.integers(0, 2**32), order=st.permutations(range(5)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_second_sync_writes_nothing(lasting: Population, seed: int, order: list[int]) -> None:
    lasting.write_genome(rewritten(lasting, seed, order))
    reports = lasting.scan().reports
    first = sync(lasting.context, reports)
    before = snapshot(lasting.folder())
    assert sync(lasting.context, first) == first
    assert snapshot(lasting.folder()) == before


@given(seed=st.integers(0, 2**32), order=st.permutations(range(5)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wiring_calls_the_active_genes_in_their_order(
    lasting: Population, seed: int, order: list[int]
) -> None:
    genome = rewritten(lasting, seed, order)
    lasting.write_genome(genome)
    lasting.look()
    main = (lasting.folder() / "src/main.rs").read_text()
    calls = [f"{gene.stem}::{name}" for gene, name in genome.active_genes()]
    places = [main.find(call) for call in calls]
    assert -1 not in places
    assert places == sorted(places)
    modules = (lasting.folder() / "src/genes/mod.rs").read_text()
    for gene in genome.files:
        assert (f"mod {gene.stem};" in modules) == gene.active


def test_altered_wiring_is_put_right(one: Population) -> None:
    path = one.folder() / "src/main.rs"
    right = path.read_bytes()
    path.write_text("fn main() {}")
    one.look()
    assert path.read_bytes() == right


@pytest.mark.parametrize("name", sorted(GENERATED))
@pytest.mark.parametrize("stands", ["nothing", "pipe", "link"])
def test_whatever_stands_in_the_place_of_wiring_is_replaced(
    one: Population, tmp_path: Path, name: str, stands: str
) -> None:
    path = one.folder() / name
    right = path.read_bytes()
    path.unlink()
    (tmp_path / "victim").write_text("mine")
    if stands == "pipe":
        os.mkfifo(path)
    elif stands == "link":
        path.symlink_to(tmp_path / "victim")
    updated = one.look()
    assert (path.read_bytes(), path.is_symlink()) == (right, False)
    assert (tmp_path / "victim").read_text() == "mine"
    assert updated.agents[one.first].state == "running"


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_folder_in_the_place_of_wiring_quarantines_its_agent(one: Population, name: str) -> None:
    (one.folder() / name).unlink()
    (one.folder() / name).mkdir()
    record = one.look().agents[one.first]
    assert (record.state, record.cause) == ("quarantined", Cause.GENOME)
    assert name in (record.reason or "")
    (one.folder() / name).rmdir()
    assert one.look().agents[one.first].state == "embryo"
    assert (one.folder() / name).is_file()


def test_code_that_the_folder_lacks_is_brought_from_the_store(one: Population) -> None:
    path = one.folder() / GENE
    right = path.read_bytes()
    path.unlink()
    assert one.look().agents[one.first].state == "running"
    assert path.read_bytes() == right
    assert one.scan().reports == (), "its stamp is that of the folder as it now is"


def test_code_that_nobody_knows_quarantines_its_agent(one: Population) -> None:
    (one.folder() / GENE).unlink()
    shutil.rmtree(one.context.project.sources)
    record = one.look().agents[one.first]
    assert (record.state, record.cause) == ("quarantined", Cause.GENOME)
    assert f"{GENE} is to hold" in (record.reason or "")


def test_edited_gene_keeps_its_edit(one: Population) -> None:
    path = one.folder() / GENE
    edited = path.read_bytes() + b"\n// by hand\n"
    path.write_bytes(edited)
    one.look()
    assert path.read_bytes() == edited


def test_faulty_agent_is_not_written_to(one: Population) -> None:
    (one.folder() / "src/main.rs").write_text("changed")
    one.write_genome(b"\xc1")
    before = snapshot(one.folder())
    one.look()
    assert snapshot(one.folder()) == before


def with_profile(population: Population, build: BuildSettings) -> None:
    """Another run begins, and evolve.toml says something else of compiling."""
    substrate = RustSubstrate(build)
    pool = substrate.read_pool(population.context.project.template)
    population.context = replace(population.context, substrate=substrate, pool=pool)


def test_other_profile_reaches_every_folder_once(tmp_path: Path) -> None:
    population = Population.of(tmp_path, 3)
    before = {agent: snapshot(population.folder(agent)) for agent in population.agents}
    with_profile(population, BuildSettings(opt_level="1"))
    updated = population.look()
    assert updated.rebuilt.keys() == before.keys()
    assert not updated.events
    for agent, files in before.items():
        after = snapshot(population.folder(agent))
        assert {name for name in after if after[name] != files[name]} == {"Cargo.toml"}
        assert b"opt-level = 1\n" in after["Cargo.toml"][0]
    assert not population.scan().reports


def test_same_profile_in_other_words_reaches_nobody(tmp_path: Path) -> None:
    population = Population.of(tmp_path, 2)
    with_profile(population, BuildSettings(opt_level="3", panic="abort"))
    assert not population.scan().reports


def test_lock_in_a_folder_is_kept_as_it_was_generated(tmp_path: Path) -> None:
    population = Population.of(tmp_path, 1)
    lock = population.folder() / "Cargo.lock"
    lock.write_text("the agent's own affair")
    population.look()
    assert lock.read_text() == "the agent's own affair"
    data = b'version = 3\n\n[[package]]\nname = "evolve_crates"\nversion = "0.0.0"\n'
    manifests = {**population.context.pool.manifests, "Cargo.lock": data}
    pool = replace(population.context.pool, manifests=manifests)
    population.context = replace(population.context, pool=pool)
    population.look()
    written = lock.read_bytes()
    assert f'name = "agent-{population.first}"'.encode() in written
    lock.write_text("nonsense")
    population.look()
    assert lock.read_bytes() == written
