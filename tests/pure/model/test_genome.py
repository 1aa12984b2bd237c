"""Tests of the genome codec: shared vectors, hostile bytes, round trips."""

import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.genome import MAX_BYTES, FileGene, Genome, GenomeError, decode, encode
from evolve_ai.substrates.rust.gene_names import NAMES

VECTORS = Path(__file__).parents[2] / "vectors" / "genomes.txt"
ID = "3f2b8c1e-9d4a-4c77-8a61-0e5f7b2d9c10"
CODE = "0123456789abcdef" * 4


def vectors(verdict: str) -> list[Any]:
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [
        pytest.param(bytes.fromhex(data), told, id=name)
        for name, said, data, told in rows
        if said == verdict
    ]


def body(**changes: Any) -> dict[str, Any]:
    plain = {
        "v": 1,
        "id": ID,
        "generation": 3,
        "parents": [],
        "files": [{"path": "src/genes/a.rs", "code": CODE, "active": True, "functions": []}],
        "traits": {"mutation_rate": 0.2},
        "mutations": {},
    }
    return {**plain, **changes}


def file_body(**changes: Any) -> dict[str, Any]:
    return {**body()["files"][0], **changes}


names = st.from_regex(r"[a-z_]{1,3}[0-9]{1,3}", fullmatch=True)
counts = st.integers(0, 2**63 - 1)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary()
leaves |= st.floats(allow_nan=False)
values = st.recursive(leaves, lambda v: st.lists(v) | st.dictionaries(st.text(), v), max_leaves=8)
genes = st.builds(
    FileGene,
    path=names.map("src/genes/{}.rs".format),
    code=st.binary(min_size=32, max_size=32).map(bytes.hex),
    active=st.booleans(),
    functions=st.lists(st.tuples(names, st.booleans()), max_size=4, unique_by=lambda p: p[0]).map(
        tuple
    ),
    extra=st.dictionaries(names, values, max_size=2),
)
genomes = st.builds(
    Genome,
    id=st.uuids().map(str),
    generation=counts,
    parents=st.lists(st.uuids().map(str), max_size=2).map(tuple),
    files=st.lists(genes, max_size=4, unique_by=lambda gene: gene.path).map(tuple),
    traits=st.dictionaries(st.text(), st.floats(0, 1), max_size=4),
    mutations=st.dictionaries(st.text(), counts, max_size=3),
    extra=st.dictionaries(names, values, max_size=3),
)


@pytest.mark.parametrize(("data", "told"), vectors("valid"))
def test_valid_vector_is_read_as_it_says(data: bytes, told: str) -> None:
    again = msgpack.unpackb(encode(decode(data, NAMES)))
    assert again == {"mutations": {}, **json.loads(told)}


@pytest.mark.parametrize(("data", "why"), vectors("invalid"))
def test_invalid_vector_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(GenomeError) as error:
        decode(data, NAMES)
    assert str(error.value), f"no reason given, it should be: {why}"


@given(genomes)
def test_genome_survives_encoding(genome: Genome) -> None:
    assert decode(encode(genome), NAMES) == genome


@given(genomes)
def test_order_survives_encoding(genome: Genome) -> None:
    again = decode(encode(genome), NAMES)
    assert [gene.path for gene in again.files] == [gene.path for gene in genome.files]
    assert list(again.traits) == list(genome.traits)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode(data, NAMES)
    except GenomeError as error:
        assert str(error)


@given(st.dictionaries(st.sampled_from([*body(), "other"]), values))
def test_any_map_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        genome = decode(msgpack.packb(body(**changes)), NAMES)
    except GenomeError:
        return
    assert decode(encode(genome), NAMES) == genome


@given(genomes, st.data())
def test_damaged_genome_is_read_or_refused(genome: Genome, data: st.DataObject) -> None:
    whole = bytearray(encode(genome))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=4)):
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        decode(bytes(whole[:cut]), NAMES)
    except GenomeError:
        return


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"v": 2}, "v is 2"),
        ({"v": 2**64 - 1}, "v is 18446744073709551615"),
        ({"v": True}, "v must be int"),
        ({"generation": 2**63}, "generation is"),
        ({"generation": -1}, "0 or more"),
        ({"parents": [ID] * 3}, "3 entries"),
        ({"parents": [None]}, "parents"),
        ({"traits": {"a": float("nan")}}, "traits.a is nan"),
        ({"traits": {"a": float("inf")}}, "0..1"),
        ({"traits": {"a": True}}, "0..1"),
        ({"traits": []}, "traits must be dict"),
        ({"mutations": {"a": 1.0}}, "mutations.a must be int"),
        ({"mutations": {"a": 2**63}}, "mutations.a"),
        ({"files": {}}, "files must be list"),
        ({"files": [None]}, r"files\[0\] must be dict"),
        ({"files": [file_body(), file_body()]}, "twice"),
        ({"files": [file_body(path="src/genes/../a.rs")]}, "path must be"),
        ({"files": [file_body(path="src/genes/mod.rs")]}, "path must be"),
        ({"files": [file_body(path="/src/genes/a.rs")]}, "path must be"),
        ({"files": [file_body(path="src/genes/a.rs\n")]}, "path must be"),
        ({"files": [file_body(code=CODE.upper())]}, "64 hex digits"),
        ({"files": [file_body(functions=[["fn", True]])]}, "no name of a function"),
        ({"files": [file_body(functions=[["a", True], ["a", False]])]}, "names a twice"),
        ({"files": [file_body(functions=[["a"]])]}, "pair"),
    ],
)
def test_broken_value_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(GenomeError, match=reason):
        decode(msgpack.packb(body(**changes)), NAMES)


@pytest.mark.parametrize("key", [1, None, [1], {"a": 1}, b"v"])
def test_key_that_is_no_text_is_refused(key: Any) -> None:
    data = b"\x81" + msgpack.packb(key) + b"\x01"
    with pytest.raises(GenomeError):
        decode(data, NAMES)


def test_reason_stays_short_whatever_the_genome_says() -> None:
    long = "x" * 60_000
    spoiled = ({"traits": {long: 2}}, {"traits": {"a": long}}, {"traits": {"a": [long]}})
    for changes in (*spoiled, {"mutations": {long: -1}}, {"id": long}, {"v": long}):
        with pytest.raises(GenomeError) as error:
            decode(msgpack.packb(body(**changes)), NAMES)
        assert len(str(error.value)) < 300


def test_oversized_genome_is_refused_both_ways() -> None:
    with pytest.raises(GenomeError, match="65537 bytes"):
        decode(b"\x00" * (MAX_BYTES + 1), NAMES)
    genome = decode(msgpack.packb(body()), NAMES)
    large = Genome(genome.id, 0, (), (), {}, extra={"note": "x" * MAX_BYTES})
    with pytest.raises(GenomeError, match="more than the 65536"):
        encode(large)


@pytest.mark.parametrize("depth", [60, 63, 64, 400, 520, 1030, 60_000])
def test_deeply_nested_genome_is_kept_or_refused(depth: int) -> None:
    data = msgpack.packb(body(deep=0))[:-1] + b"\x91" * depth + b"\x00"
    try:
        assert len(encode(decode(data, NAMES))) == len(data)
    except GenomeError:
        assert depth > 63


def test_unknown_keys_are_kept_at_every_level() -> None:
    data = msgpack.packb(body(note=[1], files=[file_body(weight=0.5)]))
    assert msgpack.unpackb(encode(decode(data, NAMES))) == msgpack.unpackb(data)


def test_calling_order_is_that_of_files_and_functions() -> None:
    last = FileGene("src/genes/b.rs", CODE, True, (("y", True), ("x", False), ("w", True)))
    off = FileGene("src/genes/c.rs", CODE, False, (("z", True),))
    first = FileGene("src/genes/a.rs", CODE, True, (("v", True),))
    genome = Genome(ID, 0, (), (last, off, first), {})
    called = [(gene.stem, name) for gene, name in genome.active_genes()]
    assert called == [("b", "y"), ("b", "w"), ("a", "v")]
    assert [gene.stem for gene in genome.active_files()] == ["b", "a"]
