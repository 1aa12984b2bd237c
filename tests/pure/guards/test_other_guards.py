"""Policies, variations and substrates of the user's own: what they return is checked."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from evolve_ai.guards.selection import guarded_policy
from evolve_ai.guards.substrate import guarded_substrate
from evolve_ai.guards.variation import guarded_variation
from evolve_ai.model.comments import Comments
from evolve_ai.model.errors import PluginError
from evolve_ai.model.family_settings import FAMILIES
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.model.genome import FileGene, Genome, encode
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.model.selection import Member, PopulationView, Verdicts
from evolve_ai.plugins import ARCHIVES, EXECUTORS, LANGUAGES, SELECTION, SUBSTRATES, VARIATION
from evolve_ai.stages.natural_selection import process_natural_selection
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system.guard import Guard
from evolve_ai.worlds import ENVIRONMENTS

GUARD = Guard("selection policy", "mine:policy", 30.0, Path("/nowhere"))
RNG = random.Random(1)
IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]
CODE = "a" * 64
POOL = GenePool(
    (SourceReport("src/genes/x.rs", CODE, ("run",), ("size",), (), 1, 1, 1),),
    {CODE: b"x"}, {}, {}, "",
)  # fmt: skip
GENOME = Genome(
    IDS[0], 0, (), (FileGene("src/genes/x.rs", CODE, True, (("run", True),)),), {"size": 0.5}
)


def view(places: int = 3) -> PopulationView:

    found = tuple(Member(id, 1, 0.5, 3, 0, 1, True) for id in IDS)
    return PopulationView(1, places, 1, 1, 1, 20, 0.0, 1.0, found)


def decided(answer: Any) -> Verdicts:
    policy = guarded_policy(GUARD, lambda view, rng: answer)
    return process_natural_selection(view(), policy, RNG)


class Text(str):
    def __str__(self) -> str:
        raise ValueError("no text today")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "returned NoneType instead of Verdicts"),
        (Verdicts((("nobody", "age"),)), "condemned 'nobody', who is not alive"),
        (Verdicts(((IDS[0], "age"), (IDS[0], "age"))), "twice"),
        (Verdicts(count()), "more than 3 deaths"),  # type: ignore[arg-type]
        (Verdicts((), count()), "more than 3 births"),  # type: ignore[arg-type]
        (Verdicts(((IDS[0],),)), "among deaths, a tuple of 2 strings"),  # type: ignore[arg-type]
        (Verdicts(((IDS[0], 5),)), "among deaths"),  # type: ignore[arg-type]
        (Verdicts(((IDS[0], "x" * 65),)), "65 letters as the cause of a death"),
        (Verdicts((), ((),)), "among births, a tuple of 1 or 2 strings"),
        (Verdicts((), ((IDS[0], IDS[1], IDS[2]),)), "among births"),
        (Verdicts(((IDS[0], "age"),), ((IDS[0],),)), "a parent, who is not alive"),
        (Verdicts(None), "None as deaths"),  # type: ignore[arg-type]
        (Verdicts("ab"), "as deaths, a sequence"),  # type: ignore[arg-type]
    ],
)
def test_verdicts_that_make_no_sense_are_refused(answer: Any, words: str) -> None:
    with pytest.raises(PluginError) as error:
        decided(answer)
    assert "mine:policy" in error.value.what
    assert words in error.value.what


def test_strange_strings_become_plain_ones() -> None:
    found = decided(Verdicts(((Text(IDS[0]), Text("age")),)))
    assert found == Verdicts(((IDS[0], "age"),))
    assert type(found.deaths[0][1]) is str


class Varied:
    def __init__(self, genome: Any, answer: Any = None):
        self._genome, self._answer = genome, answer

    def found(self, *_: Any) -> Any:
        return self._genome

    def conceive(self, *_: Any) -> Any:
        return self._answer


STRANGER = replace(GENOME, files=(replace(GENOME.files[0], code="b" * 64),))
BROKEN: list[tuple[Any, str]] = [
    (None, "None as a genome"),
    (replace(GENOME, id=IDS[1]), "returned the genome of"),
    (replace(GENOME, traits={"size": float("nan")}), "traits.size is nan"),
    (replace(GENOME, traits={"size": 2.0}), "traits.size is 2.0"),
    (replace(GENOME, generation=-1), "generation is -1"),
    (replace(GENOME, generation=10**30), "cannot be written"),
    (replace(GENOME, traits={"size": object()}), "cannot be written"),
    (replace(GENOME, files=(*GENOME.files, *GENOME.files)), "twice"),
    (STRANGER, "which neither the template nor a parent has there"),
    (replace(GENOME, files=(replace(GENOME.files[0], path="src/genes/y.rs"),)), "has there"),
    (replace(GENOME, files=(replace(GENOME.files[0], functions=(("fn", True),)),)), "no name"),
]


@pytest.mark.parametrize(("genome", "words"), BROKEN)
def test_genome_that_breaks_a_rule_is_refused(genome: Any, words: str) -> None:
    varied = guarded_variation(GUARD, Varied(genome, (genome, ("x",))), NAMES)
    for make in (
        lambda: varied.found(IDS[0], POOL, RNG),
        lambda: varied.conceive(IDS[0], [replace(GENOME, id=IDS[2])], POOL, RNG),
    ):
        with pytest.raises(PluginError) as error:
            make()
        assert words in error.value.what


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (GENOME, "a genome and its operators"),
        ((GENOME, "clone"), "as operators, a sequence"),
        ((GENOME, ("x" * 65,)), "65 letters as an operator"),
        ((replace(GENOME, parents=(IDS[1],)), ("clone",)), "who are others"),
    ],
)
def test_child_that_makes_no_sense_is_refused(answer: Any, words: str) -> None:
    varied = guarded_variation(GUARD, Varied(GENOME, answer), NAMES)
    with pytest.raises(PluginError) as error:
        varied.conceive(IDS[0], [replace(GENOME, id=IDS[2])], POOL, RNG)
    assert words in error.value.what


def test_child_that_is_too_large_is_left_to_be_nobodys() -> None:
    large = replace(GENOME, extra={"ballast": b"x" * 70_000})
    varied = guarded_variation(GUARD, Varied(GENOME, (large, ())), NAMES)
    assert varied.conceive(IDS[0], [GENOME], POOL, RNG)[0] is large


def test_genome_comes_back_as_its_bytes_say() -> None:
    varied = guarded_variation(GUARD, Varied(replace(GENOME, traits={"size": 1})), NAMES)
    found = varied.found(IDS[0], POOL, RNG)
    assert encode(found) == encode(replace(GENOME, traits={"size": 1}))


class Odd(RustSubstrate):
    """One function of it answers what it should not."""

    def __init__(self, verb: str, answer: Any):
        super().__init__()
        setattr(self, verb, answer if verb in ("name", "needs") else lambda *_: answer)


@pytest.mark.parametrize(
    ("verb", "answer", "ask"),
    [
        ("name", 5, lambda made: made.name),
        ("needs", None, lambda made: made.needs),
        ("suffixes", ("rs",), lambda made: made.suffixes),
        ("comments", Comments(), lambda made: made.comments),
        ("syntax", {}, lambda made: made.syntax),
        ("genes", GeneNames("../genes/", ".x"), lambda made: made.genes),
        ("genes", GeneNames("genes", ".x"), lambda made: made.genes),
        ("genes", GeneNames("genes/", "/x"), lambda made: made.genes),
        ("genes", GeneNames("", ".x"), lambda made: made.genes),
        ("genes", GeneNames("state/", ".x"), lambda made: made.genes),
        ("genes", GeneNames("genes/", ".d.x"), lambda made: made.genes),
        ("genes", GeneNames("genes/", "_x"), lambda made: made.genes),
        ("genes", GeneNames("genes/", "/../x.x"), lambda made: made.genes),
        ("genes", GeneNames("a/b/c/d/e/f/g/h/i/", ".x"), lambda made: made.genes),
        ("ignored", 5, lambda made: made.ignored),
        ("hints", 5, lambda made: made.hints),
        ("grammar", "rust", lambda made: made.grammar()),
        ("toolchain", None, lambda made: made.toolchain()),
        ("fingerprint", b"x", lambda made: made.fingerprint(GENOME, POOL)),
        ("viability", 5, lambda made: made.viability(GENOME, {})),
        ("wiring", {"../x": b""}, lambda made: made.wiring(GENOME)),
        ("wiring", {"x": "text"}, lambda made: made.wiring(GENOME)),
        ("manifests", None, lambda made: made.manifests({}, IDS[0])),
        ("read_source", None, lambda made: made.read_source("x", b"", {})),
        ("read_pool", None, lambda made: made.read_pool(Path("x"))),
        ("read_pool", replace(POOL, code={}), lambda made: made.read_pool(Path("x"))),
        ("checks", [("x",)], lambda made: made.checks()),
        ("builder", object(), lambda made: made.builder(Path("x"), POOL, None)),
        ("read_only_builder", None, lambda made: made.read_only_builder(Path("x"), POOL)),
    ],
)
def test_substrate_that_answers_nonsense_is_refused(
    verb: str, answer: Any, ask: Callable[[Any], Any]
) -> None:
    with pytest.raises(PluginError) as error:
        ask(guarded_substrate(GUARD, Odd(verb, answer)))
    assert "mine:policy" in error.value.what


def test_substrate_of_ours_is_the_same_behind_a_guard() -> None:
    plain, guarded = RustSubstrate(), guarded_substrate(GUARD, RustSubstrate())
    assert guarded.wiring(GENOME) == plain.wiring(GENOME)
    assert guarded.needs == plain.needs
    assert guarded.wiring_files == plain.wiring_files
    assert (guarded.genes, guarded.ignored) == (plain.genes, plain.ignored)
    assert (guarded.suffixes, guarded.comments) == (plain.suffixes, plain.comments)
    assert (guarded.grammar(), guarded.hints) == (plain.grammar(), plain.hints)
    assert guarded.syntax == plain.syntax


def test_names_that_are_built_in_are_known_without_importing_them() -> None:
    for key, known in (
        ("environment", ENVIRONMENTS), ("selection", SELECTION), ("variation", VARIATION),
        ("substrate", SUBSTRATES), ("executor", EXECUTORS), ("language", LANGUAGES),
        ("archive", ARCHIVES),
    ):  # fmt: skip
        assert set(FAMILIES[key]) == set(known)
