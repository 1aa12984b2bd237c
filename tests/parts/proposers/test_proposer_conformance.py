"""What every proposer does, in every language: contracts/proposer.py."""

import json
import random
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_of import language_named, language_of
from language_samples import SAMPLES

from evolve_ai.contracts.proposer import Proposer
from evolve_ai.model.blocks import fits
from evolve_ai.model.brief import Brief, Proposal, Relative
from evolve_ai.model.proposer_settings import (
    CommandOptions,
    ConstantsOptions,
    CrossoverOptions,
    SyntaxOptions,
)
from evolve_ai.model.trial import Cause, Fault, Score
from evolve_ai.proposers.command import CommandProposer
from evolve_ai.proposers.constants import ConstantsProposer
from evolve_ai.proposers.crossover import CrossoverProposer
from evolve_ai.proposers.syntax import SyntaxProposer
from evolve_ai.system.syntax_trees import SyntaxTrees, errors

TREES = SyntaxTrees()
OTHERS: dict[str, Callable[[], Proposer]] = {
    "syntax": lambda: SyntaxProposer(SyntaxOptions(), language_of),
    "constants": lambda: ConstantsProposer(ConstantsOptions(), language_of),
    "crossover": lambda: CrossoverProposer(CrossoverOptions(), language_of),
}
PLACES = [(name, one) for name, make in OTHERS.items() for one in make().operators]


def sample(language: str, end: bytes = b"\n", bom: bytes = b"") -> tuple[str, bytes]:
    """A file whose first two lines are no part of the block, and repeat in it."""
    comments, text = language_named(language).comments, SAMPLES[language]
    start, stop = (comments.of(f"EVOLVE-BLOCK-{word}").encode() for word in ("START", "END"))
    lines = [start, *text.splitlines(), stop, *text.splitlines()[:1], b""]
    return f"a{language_named(language).suffixes[0]}", bom + end.join(lines)


def relative(number: int, *files: tuple[str, bytes]) -> Relative:
    return Relative(number, dict(files), Score((float(number),)))


@cache
def brief_of(*files: tuple[str, bytes], step: float = 1.0) -> Brief:
    """With a second parent that differs from the first: it has been edited some times."""
    first, maker = relative(7, *files), OTHERS["syntax"]()
    others = {
        path: data.replace(b"{1, 2, 3}", b"{3, 1}").replace(b"[1.0, 2.0]", b"[3.0]")
        for path, data in files
    }
    second = Relative(8, others, first.score)
    for seed in range(12):
        drawn = random.Random(seed)
        found = maker.propose(Brief(9, (second,)), drawn, drawn.choice(maker.operators))
        if isinstance(found, Proposal):
            second = Relative(8, {**second.sources, **found.sources}, first.score)
    return Brief(9, (first, second), step=step, goal="more")


def check(brief: Brief, found: Proposal | Fault, operator: str) -> None:
    """A proposal is another program, whose files parse as well and are the same outside."""
    parent = brief.parents[0]
    if isinstance(found, Fault):
        assert found.cause is Cause.EDIT and found.reason
        return
    assert found.operator == operator
    assert found.parents[0] == parent.number
    assert set(found.parents) <= {one.number for one in brief.parents}
    assert {**parent.sources, **found.sources} != parent.sources
    for path, data in found.sources.items():
        before, language = parent.sources[path], language_of(path)
        assert fits(before, data)
        assert language is not None
        trees = [TREES.tree(language, text) for text in (before, data)]
        assert trees[0] and trees[1]
        assert errors(trees[1].root_node) <= errors(trees[0].root_node)


@pytest.mark.parametrize("language", SAMPLES)
@pytest.mark.parametrize(("proposer", "operator"), PLACES)
def test_proposal_is_another_program_that_parses(
    language: str, proposer: str, operator: str
) -> None:
    brief, proposals = brief_of(sample(language)), 0
    for seed in range(8):
        found = OTHERS[proposer]().propose(brief, random.Random(seed), operator)
        again = OTHERS[proposer]().propose(brief, random.Random(seed), operator)
        assert found == again
        check(brief, found, operator)
        proposals += isinstance(found, Proposal)
    assert proposals > 1


@pytest.mark.parametrize(("proposer", "operator"), PLACES)
@pytest.mark.parametrize("step", [1.0, 8.0])
def test_known_programs_are_not_proposed(proposer: str, operator: str, step: float) -> None:
    maker, known = OTHERS[proposer](), set[bytes]()
    brief = replace(
        brief_of(sample("c"), step=step), is_known=lambda changed: {*changed.values()} <= known
    )
    for seed in range(40):
        found = maker.propose(brief, random.Random(seed), operator)
        check(brief, found, operator)
        if isinstance(found, Proposal):
            (data,) = found.sources.values()
            assert data not in known
            known.add(data)
    assert known


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.sampled_from(PLACES),
    st.sampled_from((b"\n", b"\r\n")),
    st.sampled_from((b"", b"\xef\xbb\xbf")),
    st.integers(0, 2**32),
    st.sampled_from((1.0, 4.0)),
)
def test_line_ends_and_marks_survive(
    language: str, place: tuple[str, str], end: bytes, bom: bytes, seed: int, step: float
) -> None:
    brief = brief_of(sample(language, end, bom), step=step)
    found = OTHERS[place[0]]().propose(brief, random.Random(seed), place[1])
    check(brief, found, place[1])
    if isinstance(found, Proposal) and end == b"\r\n":
        (data,) = found.sources.values()
        assert data.count(b"\n") == data.count(b"\r\n")


@given(
    st.sampled_from(sorted(SAMPLES)),
    st.sampled_from(PLACES),
    st.binary(max_size=20),
    st.integers(0, 500),
    st.integers(0, 2**32),
)
def test_files_that_are_broken_at_the_start_are_edited_all_the_same(
    language: str, place: tuple[str, str], junk: bytes, at: int, seed: int
) -> None:
    path, text = sample(language)
    at = min(at, len(text))
    text = text[:at] + b"\xff ((" + junk.replace(b"EVOLVE", b"") + text[at:]
    brief = brief_of((path, text), (f"b{path[1:]}", SAMPLES[language]))
    found = OTHERS[place[0]]().propose(brief, random.Random(seed), place[1])
    if isinstance(found, Proposal) and not any(
        b"EVOLVE-BLOCK" in line for line in text.splitlines() if b"\xff" in line
    ):
        check(brief, found, place[1])


@pytest.mark.parametrize(("proposer", "operator"), PLACES)
def test_files_of_unknown_languages_are_left_alone(proposer: str, operator: str) -> None:
    brief = Brief(1, (relative(0, ("a.txt", b"x = 1"), ("b.py", b"")),) * 2)
    check(brief, OTHERS[proposer]().propose(brief, random.Random(1), operator), operator)
    known = relative(0, ("a.txt", b"x = 1"), sample("python"))
    for seed in range(5):
        found = OTHERS[proposer]().propose(Brief(1, (known,)), random.Random(seed), operator)
        assert isinstance(found, Fault) or set(found.sources) == {"a.py"}


@pytest.mark.parametrize("proposer", OTHERS)
def test_state_is_plain_and_comes_back(proposer: str) -> None:
    made = OTHERS[proposer]()
    made.learn(1, Score((1.0,)), "", dict([sample("python")]))
    made.learn(2, None, made.operators[0], dict([sample("python")]))
    state = json.loads(json.dumps(made.state()))
    again = OTHERS[proposer]()
    again.restore(state)
    assert again.state() == made.state()
    assert made.name == proposer and made.is_deterministic


ANSWERS: list[tuple[str, str]] = [
    ("import sys; sys.exit(3)", "ended with exit status 3"),
    ("print('hello')", "printed no usable answer"),
    ("print('[]')", "it is no JSON object"),
    ("print('{}')", "no object from paths to text"),
    ("print('{\"files\": {\"b.py\": \"\"}}')", "'b.py' is none of the files"),
    ("print('{\"files\": {\"a.py\": 5}}')", "is no text"),
    ("print('{\"files_base64\": {\"a.py\": \"?\"}}')", "cannot be read"),
    ("import time; time.sleep(60)", "has not answered for 2 s"),
    ("import sys, json; b = json.load(sys.stdin); print(json.dumps(b['parents'][0]))",
     "proposed its parent's program"),
]  # fmt: skip


def command(code: str, seconds: float = 20.0) -> CommandProposer:
    return CommandProposer(
        CommandOptions(command=(sys.executable, "-c", code), seconds=seconds), Path("/")
    )


@pytest.mark.parametrize(("code", "words"), ANSWERS)
def test_command_that_answers_nothing_useful_is_a_fault(code: str, words: str) -> None:
    made = command(code, 2.0 if "sleep" in code else 20.0)
    found = made.propose(brief_of(sample("python")), random.Random(1), "ask")
    assert isinstance(found, Fault) and found.cause is Cause.EDIT
    assert words in found.reason


def test_command_that_is_not_there_is_a_fault() -> None:
    made = CommandProposer(CommandOptions(command=("no-command-of-this-name",)), Path("/"))
    found = made.propose(brief_of(sample("python")), random.Random(1), "ask")
    assert isinstance(found, Fault) and "cannot be run: No such file" in found.reason


def test_command_gets_the_brief_and_gives_files() -> None:
    code = (
        "import sys, json; b = json.load(sys.stdin); p = b['parents'][0]\n"
        "assert b['number'] == 9 and b['goal'] == 'more' and len(b['parents']) == 2\n"
        "assert p['goals'] == [7.0] and p['files_base64'] == {'b.py': '/w=='}\n"
        "print(json.dumps({'files': {'a.py': p['files']['a.py'] + '# ü'}, 'note': str(b['seed']),"
        " 'files_base64': {'b.py': '/v8='}}))"
    )
    brief = brief_of(("a.py", b"x = 1\n"), ("b.py", b"\xff"))
    made = command(code)
    found = made.propose(brief, random.Random(1), "ask")
    assert isinstance(found, Proposal), found
    assert found.sources == {"a.py": b"x = 1\n# \xc3\xbc", "b.py": b"\xfe\xff"}
    assert found.note == str(random.Random(1).getrandbits(53))
    assert (found.operator, found.parents, made.is_deterministic) == ("ask", (7,), False)
