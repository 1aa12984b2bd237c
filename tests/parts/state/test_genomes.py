"""Genomes as they are kept: small, whole, and with the genes that are active in them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.agent import AgentRecord, State
from evolve_ai.model.genome import FileGene, Genome, encode
from evolve_ai.state import genes
from evolve_ai.state.genomes import Genomes
from evolve_ai.state.opening import lay_out
from evolve_ai.state.registry import Batch, Registry

ANNA = "aaaaaaaa-0000-4000-8000-000000000001"
BERT = "bbbbbbbb-0000-4000-8000-000000000002"
RUN = ("src/genes/a.rs", "run")
LEARN = ("src/genes/a.rs", "learn")
SPEAK = ("src/genes/b.rs", "speak")


def active_in(data: bytes) -> list[tuple[str, str]]:
    return [gene for file in genes._files_of(data) for gene in genes._active_in_file(file)]


def genome(agent: str, *active: tuple[str, str]) -> bytes:
    files = tuple(
        FileGene(path, "0" * 64, path in {file for file, _ in active}, tuple(
            (name, (path, name) in active) for name in names
        ))
        for path, names in (("src/genes/a.rs", ("run", "learn")), ("src/genes/b.rs", ("speak",)))
    )  # fmt: skip
    return encode(Genome(agent, 0, (), files, {"mutation_rate": 0.5}))


def record(agent: str, number: int, **changes: object) -> AgentRecord:
    plain = AgentRecord(agent, number, number, State.RUNNING, 0, (), 0, 1000)
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.sqlite"


def carriers(registry: Registry) -> Mapping[tuple[int, str], int]:
    query = "SELECT cycle, function, carriers FROM gene_frequencies"
    rows = registry.connection.execute(query)
    return {(cycle, function): count for cycle, function, count in rows}


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=6), st.integers(1, 3))
def test_any_bytes_come_back_as_they_were(contents: list[bytes], reopened: int) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    lay_out(connection)
    genomes = Genomes(connection)
    for number, data in enumerate(contents):
        if number % reopened == 0:
            genomes = Genomes(connection)
        genomes.put(number, 0, data)
        genomes.write()
    for number, data in enumerate(contents):
        assert genomes.of(number) == Genomes(connection).of(number) == data
    assert genomes.of(99) is None
    connection.close()


def test_genomes_that_are_alike_take_a_fraction_of_their_size(file: Path) -> None:
    ids = [f"{number:08x}-0000-4000-8000-{number:012x}" for number in range(200)]
    with Registry.create(file) as registry:
        people = [record(agent, number) for number, agent in enumerate(ids)]
        genomes = {agent: genome(agent, RUN) for agent in ids}
        registry.commit(Batch(people, genomes), "run")
        query = "SELECT sum(length(zstd)) FROM genomes"
        (stored,) = registry.connection.execute(query).fetchone()
        assert stored * 3 < sum(map(len, genomes.values()))
        dictionaries = "SELECT count(*) FROM genome_dictionaries"
        assert registry.connection.execute(dictionaries).fetchone() == (1,)


def test_another_gene_pool_gets_a_dictionary_of_its_own(file: Path) -> None:
    with Registry.create(file) as registry:
        for number, letter in enumerate("abc"):
            agent = f"{number:08x}-0000-4000-8000-000000000000"
            data = Random(letter).randbytes(2000)
            registry.commit(Batch([record(agent, number)], {agent: data}), "run")
        for number, letter in enumerate("abc"):
            agent = f"{number:08x}-0000-4000-8000-000000000000"
            assert registry.genome(agent) == Random(letter).randbytes(2000)


def test_carriers_of_a_gene_are_counted_by_cycle(file: Path) -> None:
    with Registry.create(file) as registry:
        people = [record(ANNA, 0), record(BERT, 1)]
        genomes = {ANNA: genome(ANNA, RUN, SPEAK), BERT: genome(BERT, RUN)}
        registry.commit(Batch(people, genomes, during=0), "run")
    with Registry.create(file) as registry:  # another run knows what the first one wrote
        registry.commit(Batch(genomes={ANNA: genome(ANNA, LEARN, SPEAK)}, during=3), "run")
        assert carriers(registry) == {
            (0, "run"): 2, (0, "speak"): 1, (3, "run"): 1, (3, "learn"): 1,
        }  # fmt: skip
        active = "SELECT agent, function, since FROM active_genes ORDER BY agent, function"
        rows = registry.connection.execute(active).fetchall()
        assert rows == [(ANNA, "learn", 3), (ANNA, "speak", 0), (BERT, "run", 0)]
        dead = record(ANNA, 0, state=State.DEAD, cause="age", died_cycle=4)
        for _ in range(2):  # written again, it has not died again
            registry.commit(Batch([dead]), "run")
        assert carriers(registry)[4, "speak"] == carriers(registry)[4, "learn"] == 0
        assert registry.connection.execute(active).fetchall() == [(BERT, "run", 0)]


def test_gene_that_comes_and_goes_in_a_cycle_is_counted_both_ways(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.commit(Batch([record(ANNA, 0)], {ANNA: genome(ANNA, RUN)}), "run")
        for active in ((RUN, SPEAK), (RUN,), (RUN, SPEAK)):
            registry.commit(Batch(genomes={ANNA: genome(ANNA, *active)}, during=2), "run")
        assert carriers(registry) == {(0, "run"): 1, (2, "speak"): 1}
        versions = "SELECT cycle FROM genome_versions WHERE agent = ?"
        assert registry.connection.execute(versions, [ANNA]).fetchall() == [(0,), (2,), (2,), (2,)]


def test_rolled_back_genes_are_not_counted(file: Path) -> None:
    with Registry.create(file) as registry:
        registry.commit(Batch([record(ANNA, 0)], {ANNA: genome(ANNA, RUN)}), "run")
        broken = {ANNA: genome(ANNA, SPEAK), BERT: b"of nobody"}
        with pytest.raises(Exception, match="no agent"):
            registry.commit(Batch(genomes=broken, during=1), "run")
        assert registry.genome(ANNA) == genome(ANNA, RUN)
        registry.commit(Batch(genomes={ANNA: genome(ANNA, RUN, LEARN)}, during=2), "run")
        assert carriers(registry) == {(0, "run"): 1, (2, "learn"): 1}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"genome", msgpack.packb({}), msgpack.packb({"files": [1]}), b"\x91" * 5000],
)
def test_genome_that_cannot_be_read_has_no_active_genes(data: bytes) -> None:
    assert list(active_in(data)) == []


def test_active_genes_are_read_in_calling_order() -> None:
    assert list(active_in(genome(ANNA, LEARN, RUN))) == [RUN, LEARN]
    unknown = msgpack.unpackb(genome(ANNA, SPEAK)) | {"later": [1, {"x": None}]}
    assert list(active_in(msgpack.packb(unknown))) == [SPEAK]
