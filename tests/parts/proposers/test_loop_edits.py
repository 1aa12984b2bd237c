"""Edits of loops that count keep what a program does, in the form of its language."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from language_of import language_named
from language_samples import SAMPLES

from evolve_ai.proposers import loop_edits
from evolve_ai.proposers.changes import applied
from evolve_ai.proposers.reading import HEADER, Place, Reading, Readings
from evolve_ai.proposers.syntax import EDITS

NEST = b"""\
def multiply(a, b, c, n):
    for i in range(n):
        for j in range(n):
            for k in range(n):
                c[i * n + j] += a[i * n + k] * b[k * n + j]
"""
CPP = b"""\
void f(double* c, double* a, int n) {
    for (int i = 0; i < n; i++)
        for (int k = 1; k < n; k += 1) {
            c[i] += a[i * n + k];
        }
}
"""


def read(language: str, text: bytes) -> tuple[Readings, Reading]:
    readings = Readings(lambda path: language_named(language), True)
    found = readings.of("a", text)
    assert found is not None
    return readings, found


def edited(language: str, text: bytes, operator: str, at: int, seed: int) -> bytes:
    """The program after an edit of the place of this number; itself where there is none."""
    readings, reading = read(language, text)
    places_of, edit = EDITS[operator]
    places = places_of(reading)
    if not places:
        return text
    place = places[at % len(places)]
    made = applied(reading, readings.trees, edit(reading, place, random.Random(seed), [reading]))
    return text if made is None else made[0]


def made(language: str, text: bytes, operator: str, at: int) -> Iterator[bytes]:
    for seed in range(40):
        yield edited(language, text, operator, at, seed)


def product(text: bytes, n: int) -> list[int]:
    names: dict[str, object] = {}
    exec(text, names)
    a, b, c = ([one * at % 7 for one in range(n * n)] for at in (2, 3, 5))
    names["multiply"](a, b, c, n)  # type: ignore[operator]
    return c


steps = st.tuples(
    st.sampled_from(["unroll", "tile", "accumulate"]), st.integers(0, 5), st.integers(0, 99)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(steps, min_size=1, max_size=4))
def test_loops_do_the_same_after_any_edits(drawn: list[tuple[str, int, int]]) -> None:
    text = NEST
    for operator, at, seed in drawn:
        text = edited("python", text, operator, at, seed)
    for n in (1, 3, 9):
        assert product(text, n) == product(NEST, n), text.decode()


def test_copies_go_into_the_inner_loop_and_a_second_loop_does_the_rest() -> None:
    jammed = b"""\
void f(double* c, double* a, int n) {
    for (int i = 0; i < n - n % 2; i += 2)
        for (int k = 1; k < n; k += 1) {
            c[i] += a[i * n + k];
            c[(i + 1)] += a[(i + 1) * n + k];
        }
    for (int i = n - n % 2; i < n; i += 1)
        for (int k = 1; k < n; k += 1) {
            c[i] += a[i * n + k];
        }
}
"""
    assert jammed in made("cpp", CPP, "unroll", 0)


def test_tiles_are_around_this_loop_or_one_that_it_is_in() -> None:
    tiled = b"""\
void f(double* c, double* a, int n) {
    for (int kk = 1; kk < n; kk += 16) {
        for (int i = 0; i < n; i++)
            for (int k = kk; k < (kk + 16 < n ? kk + 16 : n); k += 1) {
                c[i] += a[i * n + k];
            }
    }
}
"""
    assert tiled in made("cpp", CPP, "tile", 1)


def test_sum_in_memory_becomes_a_sum_in_a_variable() -> None:
    summed = b"""\
def f(c, a, n):
    for i in range(n):
        sum_ = c[i]
        for k in range(sum(a)):
            sum_ += a[k]
        c[i] = sum_
"""
    text = summed.replace(b"        sum_ = c[i]\n", b"").replace(b"        c[i] = sum_\n", b"")
    text = text.replace(b"sum_ +=", b"c[i] +=")
    assert edited("python", text, "accumulate", 0, 0) == summed


@pytest.mark.parametrize("language", SAMPLES)
def test_loops_that_count_are_known_in_every_language_and_read_again(language: str) -> None:
    _, reading = read(language, SAMPLES[language])
    assert loop_edits.counted(reading) == loop_edits.unrollable(reading) != []
    for operator in ("unroll", "tile"):
        text = edited(language, SAMPLES[language], operator, 0, 1)
        before, after = loop_edits.counted(reading), loop_edits.counted(read(language, text)[1])
        assert len(after) > len(before), text.decode()


def test_loop_that_does_not_count_has_no_such_edits() -> None:
    _, reading = read("cpp", b"void f() { for (;;) { a[0] += 1; } for (int i = 9; i > 0; i--) {} }")
    assert len(reading.mine[HEADER]) == 2
    none: list[Place] = []
    assert loop_edits.counted(reading) == loop_edits.accumulating(reading) == none
