"""The proposer of constants: it goes where its proposals were good, and survives a restart."""

import json
import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from language_of import language_of

from evolve_ai.model.brief import Brief, Proposal, Relative
from evolve_ai.model.proposer_settings import ConstantsOptions
from evolve_ai.model.trial import Fault, Score
from evolve_ai.proposers.constants import ConstantsProposer

START = b"""\
w = 9
# EVOLVE-BLOCK-START
def f(x):
    return 1.0 + 1.0 * x + 0.1 * x**2
# EVOLVE-BLOCK-END
"""


def score_of(program: bytes) -> float:
    """How near it is to e^x on [-1, 1]; more is better."""
    names: dict[str, Any] = {}
    exec(program, names)
    try:
        return -sum((names["f"](n / 10) - math.exp(n / 10)) ** 2 for n in range(-9, 11, 2))
    except ArithmeticError:
        return -math.inf


class Walk:
    """Candidates one after the other, from the best so far."""

    def __init__(self, operator: str) -> None:
        self.proposer = ConstantsProposer(ConstantsOptions(), language_of)
        self.operator = operator
        self.best, self.program, self.number = score_of(START), START, 0
        self.seen: list[bytes] = []

    def go(self, count: int) -> None:
        for _ in range(count):
            self.number += 1
            parent = Relative(0, {"a.py": self.program}, Score((self.best,)))
            rng = random.Random(f"walk {self.number}")
            found = self.proposer.propose(Brief(self.number, (parent,)), rng, self.operator)
            assert isinstance(found, Proposal)
            program = found.sources["a.py"]
            assert program.startswith(b"w = 9\n") and program.count(b"\n") == START.count(b"\n")
            self.seen.append(program)
            value = score_of(program)
            score = None if self.number % 17 == 0 else Score((value,))
            self.proposer.learn(self.number, score, self.operator, found.sources)
            if score is not None and value > self.best:
                self.best, self.program = value, program

    def restart(self) -> None:
        state = json.loads(json.dumps(self.proposer.state()))
        self.proposer = ConstantsProposer(ConstantsOptions(), language_of)
        self.proposer.restore(state)


def test_cma_finds_the_best_constants() -> None:
    walk = Walk("cma")
    walk.go(600)
    assert walk.best > -0.0087, walk.program  # least squares have -0.0062
    assert b"x**2" in walk.program


def test_what_was_learnt_survives_a_restart() -> None:
    plain, restarted = Walk("cma"), Walk("cma")
    plain.go(60)
    restarted.go(33)
    restarted.restart()
    restarted.go(27)
    assert plain.seen == restarted.seen
    assert plain.proposer.state() == restarted.proposer.state()


def test_steps_improve_constants() -> None:
    walk = Walk("step")
    walk.go(150)
    assert walk.best > score_of(START) / 2


def proposed(text: bytes, operator: str, seed: int, **options: Any) -> Mapping[str, bytes] | str:
    proposer = ConstantsProposer(ConstantsOptions(**options), language_of)
    brief = Brief(1, (Relative(0, {"a.cpp": text}, Score((0.0,))),))
    found = proposer.propose(brief, random.Random(seed), operator)
    return found.reason if isinstance(found, Fault) else found.sources


def test_program_without_numbers_is_a_fault() -> None:
    assert proposed(b"int f() { return x; }", "cma", 1) == (
        "there are no numeric literals that may change"
    )


@pytest.mark.parametrize("operator", ["cma", "step"])
def test_form_of_literals_is_kept(operator: str) -> None:
    for seed in range(30):
        found = proposed(b"int f() { return 12 + 0x1Fu - -7; }", operator, seed)
        assert isinstance(found, dict)
        assert b"." not in found["a.cpp"] and b"--" not in found["a.cpp"]
        assert b"0x" in found["a.cpp"] and b"u - " in found["a.cpp"]


def test_only_so_many_literals_are_looked_at() -> None:
    text = b"float f() { return 1.5f + 2.5f + 3.5f; }"
    for seed in range(10):
        found = proposed(text, "cma", seed, most=2)
        assert isinstance(found, dict) and found["a.cpp"].endswith(b"3.5f; }")


def test_what_is_learnt_of_a_proposal_is_what_is_read_in_it() -> None:
    """Also where a constant has become negative, and so has parentheses."""
    program = {"a.py": b"x = 2\ny = 1 - 2\n"}
    maker, reader = (ConstantsProposer(ConstantsOptions(), language_of) for _ in range(2))
    negative = 0
    for number in range(1, 60):
        brief = Brief(number, (Relative(0, program, Score((0.0,))),))
        found = maker.propose(brief, random.Random(number), "cma")
        assert isinstance(found, Proposal)
        negative += b"(-" in found.sources["a.py"]
        for one in (maker, reader):
            one.learn(number, Score((float(number % 7),)), "cma", found.sources)
        assert maker.state() == reader.state()
    assert negative > 5
