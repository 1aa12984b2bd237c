"""Minifying and ablating: what does not matter is taken back, the rest is priced."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.candidate import Sources
from evolve_ai.model.hunks import applied
from evolve_ai.search.ablate import ablated
from evolve_ai.search.minify import minified

COUNT = 30
BEFORE: Sources = {"a": b"".join(b"line %d\n\n" % n for n in range(COUNT))}


def winner(changed: frozenset[int]) -> Sources:
    return {
        "a": b"".join(
            b"%s %d\n\n" % (b"LINE" if n in changed else b"line", n) for n in range(COUNT)
        )
    }


def edits(program: Sources) -> frozenset[int]:
    lines = program["a"].splitlines()[::2]
    return frozenset(n for n, line in enumerate(lines) if line.startswith(b"LINE"))


@given(st.frozensets(st.integers(0, COUNT - 1), min_size=1), st.data())
def test_only_edits_that_matter_are_left(changed: frozenset[int], data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.sampled_from(sorted(changed)), min_size=1))
    asked: list[frozenset[int]] = []

    def is_as_good(programs: Sequence[Sources]) -> list[bool]:
        asked.extend(map(edits, programs))
        return [edits(one) >= needed for one in programs]

    kept = minified(BEFORE, winner(changed), is_as_good)
    assert edits(applied(BEFORE, kept)) == needed
    assert len(asked) == len(set(asked))


def test_line_is_cut_down_to_the_words_that_matter() -> None:
    before = {"a": b"for i in range(10): total += i\n"}
    after = {"a": b"for key in range(20): total += key * 2\n"}
    kept = minified(before, after, lambda some: [b"range(20)" in one["a"] for one in some])
    assert applied(before, kept) == {"a": b"for i in range(20): total += i\n"}


def test_program_that_equals_the_first_has_no_edits() -> None:
    assert minified(BEFORE, BEFORE, lambda some: [True] * len(some)) == ()


def test_trials_are_bounded() -> None:
    asked = []

    def is_as_good(programs: Sequence[Sources]) -> list[bool]:
        asked.extend(programs)
        return [edits(one) == frozenset(range(COUNT)) for one in programs]

    kept = minified(BEFORE, winner(frozenset(range(COUNT))), is_as_good, most=10)
    assert edits(applied(BEFORE, kept)) == frozenset(range(COUNT))
    assert len(asked) < 20


def test_each_edit_is_priced_by_the_program_without_it() -> None:
    kept = minified(
        BEFORE, winner(frozenset({3, 8, 20})), lambda some: [len(edits(one)) == 3 for one in some]
    )
    worth = {3: 1.0, 8: 10.0}

    def scores(programs: Sequence[Sources]) -> list[float | None]:
        return [
            sum(worth[n] for n in edits(one) - {20}) if 20 in edits(one) else None
            for one in programs
        ]

    assert [one.without for one in ablated(BEFORE, kept, scores)] == [10.0, 1.0, None]
    assert ablated(BEFORE, (), scores) == ()


def test_wrong_number_of_answers_is_an_error() -> None:
    with pytest.raises(ValueError):
        minified(BEFORE, winner(frozenset({1, 2})), lambda some: [True])


def test_edits_that_only_matter_to_each_other_are_taken_back_together() -> None:
    before = {"a": b"n = 9\nfor i in range(n):\n    work(i)\nend()\n"}
    loop = b"for j in range(0, n, 64):\n    work(j)\n    seen += 0\n"
    after = {"a": b"n = 9 // 1\nseen = (-2)\n" + loop + b"end()\n"}

    def is_as_good(programs: Sequence[Sources]) -> list[bool]:
        texts = [one["a"] for one in programs]
        whole = [text.count(b"j") in (0, 2) and text.count(b"seen") in (0, 2) for text in texts]
        return [good and b"(0, n, 64)" in text for good, text in zip(whole, texts, strict=True)]

    kept = minified(before, after, is_as_good)
    assert applied(before, kept)["a"] == before["a"].replace(b"(n)", b"(0, n, 64)")


def test_edits_of_one_line_are_one() -> None:
    before, after = {"a": b"x = f(1) + g(2)\ny = 1\n"}, {"a": b"x = f(3) + g(4)\ny = 2\n"}
    kept = minified(before, after, lambda some: [b"3) + g(4" in one["a"] for one in some])
    assert [(one.old(before), one.new) for one in kept] == [(b"1) + g(2", b"3) + g(4")]


def test_whole_lines_that_only_matter_to_each_other_are_taken_back_together() -> None:
    before = {"a": b"a\nb\nc\nd\n"}
    after = {"a": b"a\nx = 0\nb\nuse(x)\nc\nbetter\nd\n"}

    def is_as_good(programs: Sequence[Sources]) -> list[bool]:
        texts = [one["a"] for one in programs]
        return [b"better" in text and text.count(b"x") in (0, 2) for text in texts]

    kept = minified(before, after, is_as_good)
    assert applied(before, kept) == {"a": b"a\nb\nc\nbetter\nd\n"}
