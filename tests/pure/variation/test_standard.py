"""Tests of the standard variation: founders, crossover, mutation at birth, innovation."""

import hashlib
import random
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.genome import FileGene, Genome, decode, encode
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.model.variation_settings import StandardOptions
from evolve_ai.variation.standard import StandardVariation

ID = "3f2b8c1e-9d4a-4c77-8a61-0e5f7b2d9c10"
OTHER = "00000000-0000-4000-8000-000000000001"
CHILD = "00000000-0000-4000-8000-000000000002"
SUITS = Path(__file__).parents[3] / "agent_template" / "settings.toml"
STILL = StandardOptions(
    function_flips=0, file_flip=0.0, order_swap=0.0, trait_share=0.0, innovation=0.0
)


def source(name: str, genes: int = 3, uses: tuple[str, ...] = ()) -> SourceReport:
    path = f"src/genes/{name}.rs"
    code = hashlib.sha256(path.encode()).hexdigest()
    names = tuple(f"{name}_{n}" for n in range(genes))
    used = tuple(f"src/genes/{one}.rs" for one in uses)
    return SourceReport(path, code, names, (f"{name}_rate",), used, genes, genes, 10)


def pool_of(*sources: SourceReport) -> GenePool:
    return GenePool(sources, {}, {}, b"", "")


POOL = pool_of(source("a", uses=("helper",)), source("b", uses=("a",)), source("c"), source("d"))
POOL = pool_of(*POOL.sources, source("helper", genes=0))


def variation(**birth: object) -> StandardVariation:
    still = STILL.model_dump()
    return StandardVariation(StandardOptions(**{**still, **birth}))


@st.composite
def parents(draw: st.DrawFn) -> list[Genome]:
    """One or two, as they may be after lives of their own: other orders, files lost, own code."""
    found = []
    for id in (ID, OTHER)[: draw(st.integers(1, 2))]:
        plain = StandardVariation(STILL).found(id, POOL, random.Random(draw(st.integers(0, 999))))
        files = draw(st.lists(st.sampled_from(plain.files), unique_by=lambda gene: gene.path))
        code = draw(st.sampled_from(["1" * 64, "2" * 64]))
        files = [replace(g, code=code) if draw(st.booleans()) else g for g in files]
        generation = draw(st.integers(0, 50))
        found.append(replace(plain, files=tuple(files), generation=generation, mutations={"x": 3}))
    return found


births = st.builds(
    StandardOptions,
    function_flips=st.integers(0, 3),
    file_flip=st.floats(0, 1),
    order_swap=st.floats(0, 1),
    trait_shift=st.floats(0, 1),
    trait_share=st.floats(0, 1),
    innovation=st.floats(0, 1),
)
seeds = st.integers(0, 2**32)


@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_founder_is_valid_whole_and_has_what_its_files_use(
    seed: int, file_active: float, function_active: float
) -> None:
    settings = STILL.model_copy(
        update={"file_active": file_active, "function_active": function_active}
    )
    founder = StandardVariation(settings).found(ID, POOL, random.Random(seed))
    assert decode(encode(founder)) == founder
    assert {gene.path for gene in founder.files} == {one.path for one in POOL.sources}
    assert set(founder.traits) == {*POOL.traits(), "mutation_rate"}
    active = {gene.stem for gene in founder.active_files()}
    assert "b" not in active or "a" in active
    assert "a" not in active or "helper" in active
    assert (founder.generation, founder.parents) == (0, ())


def test_founders_differ_and_their_odds_are_those_of_the_settings() -> None:
    pool = pool_of(*(source(f"f{n}", 10) for n in range(10)))
    drawn = [variation().found(ID, pool, random.Random(seed)) for seed in range(40)]
    assert len({encode(founder) for founder in drawn}) == 40
    files = [gene.active for founder in drawn for gene in founder.files]
    functions = [on for founder in drawn for gene in founder.files for _, on in gene.functions]
    assert sum(files) / len(files) == pytest.approx(0.7, abs=0.08)
    assert sum(functions) / len(functions) == pytest.approx(0.35, abs=0.05)


def test_functions_may_be_likelier_in_founders_than_others() -> None:
    """As the default template wants speech and hearing."""
    social = replace(source("social"), genes=("speak", "listen", "blush"))
    likely = variation(likely=tomllib.loads(SUITS.read_text())["variation"]["likely"])
    drawn = [likely.found(ID, pool_of(social), random.Random(seed)) for seed in range(400)]
    for name in ("speak", "listen"):
        share = sum(dict(founder.files[0].functions)[name] for founder in drawn) / 400
        assert share == pytest.approx(0.7, abs=0.08)
    blush = sum(dict(founder.files[0].functions)["blush"] for founder in drawn) / 400
    assert blush == pytest.approx(0.35, abs=0.08)


@given(parents(), births, seeds)
def test_child_is_valid_and_knows_its_parents(
    pair: list[Genome], birth: StandardOptions, seed: int
) -> None:
    child, operators = StandardVariation(birth).conceive(CHILD, pair, POOL, random.Random(seed))
    assert decode(encode(child)) == child
    assert child.id == CHILD
    assert child.parents == tuple(parent.id for parent in pair)
    assert child.generation == 1 + max(parent.generation for parent in pair)
    assert child.mutations == {}
    assert all(0 <= value <= 1 for value in child.traits.values())
    assert operators[0] == ("crossover" if len(pair) == 2 else "clone")
    assert len(set(operators)) == len(operators)


@given(parents(), births, seeds)
def test_same_draws_make_the_same_child(
    pair: list[Genome], birth: StandardOptions, seed: int
) -> None:
    breeder = StandardVariation(birth)
    one, other = (breeder.conceive(CHILD, pair, POOL, random.Random(seed)) for _ in range(2))
    assert one == other
    assert encode(one[0]) == encode(other[0])


@given(parents(), seeds)
def test_crossover_takes_whole_files_and_loses_none(pair: list[Genome], seed: int) -> None:
    child, operators = variation().conceive(CHILD, pair, POOL, random.Random(seed))
    theirs = [gene for parent in pair for gene in parent.files]
    assert all(gene in theirs for gene in child.files)
    assert {gene.path for gene in child.files} == {gene.path for gene in theirs}
    for name, value in child.traits.items():
        assert value in [parent.traits[name] for parent in pair if name in parent.traits]
    assert len(operators) == 1


def test_both_parents_have_a_share_in_their_children() -> None:
    pair = [replace(g, id=g.id) for g in (founder(1), replace(founder(2), id=OTHER))]
    pair = [replace(p, files=tuple(sorted(p.files, key=lambda g: g.path))) for p in pair]
    own = [FileGene(g.path, "1" * 64, g.active, g.functions) for g in pair[1].files]
    pair[1] = replace(pair[1], files=tuple(own))
    children = [variation().conceive(CHILD, pair, POOL, random.Random(n))[0] for n in range(100)]
    from_second = sum(gene.code == "1" * 64 for child in children for gene in child.files)
    assert 0.4 < from_second / (100 * len(own)) < 0.6


def founder(seed: int = 1) -> Genome:
    return variation().found(ID, POOL, random.Random(seed))


def only(operator: str, **birth: object) -> list[tuple[Genome, Genome]]:
    """(parent, child) of births in which nothing but this operator acted."""
    pairs = []
    for seed in range(30):
        parent = founder(seed)
        child, operators = variation(**birth).conceive(CHILD, [parent], POOL, random.Random(seed))
        if len(operators) > 1:
            assert operators == ("clone", operator)
            pairs.append((parent, child))
    assert pairs
    return pairs


def flips(before: Genome, after: Genome) -> int:
    """How many functions differ; files must be the same ones in the same order."""
    pairs = zip(before.files, after.files, strict=True)
    return sum(a != b for g, h in pairs for a, b in zip(g.functions, h.functions, strict=True))


def test_one_function_is_flipped() -> None:
    for parent, child in only("function_flip", function_flips=1):
        assert flips(parent, child) == 1
        assert [g.active for g in parent.files] == [g.active for g in child.files]


def test_one_file_is_flipped() -> None:
    for parent, child in only("file_flip", file_flip=1.0):
        pairs = zip(parent.files, child.files, strict=True)
        assert sum(g.active != h.active for g, h in pairs) == 1
        assert flips(parent, child) == 0


def test_two_neighbours_change_places() -> None:
    for parent, child in only("order_swap", order_swap=1.0):
        assert sorted(g.path for g in parent.files) == sorted(g.path for g in child.files)
        moved = [(g, h) for g, h in zip(parent.files, child.files, strict=True) if g.path != h.path]
        assert len(moved) in (0, 2)


def test_traits_shift_by_no_more_than_allowed() -> None:
    for parent, child in only("trait_shift", trait_share=1.0, trait_shift=0.1):
        assert parent.files == child.files
        for name, value in child.traits.items():
            assert abs(value - parent.traits[name]) <= 0.1001


NEW = source("new")


def test_new_file_of_the_pool_enters_children_active_with_its_traits() -> None:
    pool = pool_of(*POOL.sources, NEW)
    parent = founder()
    for seed in range(30):
        child, operators = variation(innovation=1.0).conceive(
            CHILD, [parent], pool, random.Random(seed)
        )
        assert operators == ("clone", "adopt")
        found = next(gene for gene in child.files if gene.stem == "new")
        assert found.active
        assert any(active for _, active in found.functions)
        assert 0 <= child.traits["new_rate"] <= 1
        assert [gene for gene in child.files if gene.stem != "new"] == list(parent.files)


def test_new_file_brings_along_what_it_uses() -> None:
    tool = source("tool", genes=0, uses=("deep",))
    pool = pool_of(
        *POOL.sources,
        replace(NEW, uses=("src/genes/c.rs", "src/genes/tool.rs")),
        tool,
        source("deep"),
    )
    off = tuple(replace(gene, active=False) for gene in founder().files)
    parent = replace(founder(), files=off)
    for seed in range(30):
        child, _ = variation(innovation=0.3).conceive(CHILD, [parent], pool, random.Random(seed))
        active = {gene.stem for gene in child.active_files()}
        assert decode(encode(child)) == child
        assert "new" not in active or {"tool", "deep", "c"} <= active


def test_known_files_are_no_innovation() -> None:
    _, operators = variation(innovation=1.0).conceive(CHILD, [founder()], POOL, random.Random(1))
    assert operators == ("clone",)


def test_parent_without_files_takes_up_the_pool() -> None:
    bare = Genome(ID, 0, (), (), {"mutation_rate": 0.2})
    settings = {"function_flips": 3, "file_flip": 1.0, "order_swap": 1.0}
    child, _ = variation(**settings).conceive(CHILD, [bare], POOL, random.Random(1))
    assert child.files == ()
    child, _ = variation(innovation=1.0).conceive(CHILD, [bare], POOL, random.Random(1))
    assert {gene.stem for gene in child.files} == {"a", "b", "c", "d", "helper"}
