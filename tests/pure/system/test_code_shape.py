"""Programs in numbers: complexity, shape, lines that differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from language_of import language_named
from language_samples import SAMPLES

from evolve_ai.model.syntax import Syntax
from evolve_ai.system.code_shape import complexity, edits, shape
from evolve_ai.system.syntax_trees import MOST_PIECES, SyntaxTrees, errors


class Plain:
    """A language without a grammar."""

    name = "plain"
    syntax = Syntax()

    def grammar(self) -> None: ...


@pytest.mark.parametrize("name", SAMPLES)
def test_shape_knows_neither_names_nor_literals_nor_comments(name: str) -> None:
    language, text = language_named(name), SAMPLES[name]
    other = text.replace(b"total", b"amount").replace(b"10", b"99").replace(b"3", b"4")
    comment = language.comments.of("words").encode()
    found = shape(language, text)
    assert shape(language, comment + b"\n" + other) == found
    assert all(0 <= one < 2**32 for one in found)
    assert shape(language, text.replace(b" * ", b" + ")) != found
    assert shape(language, text[: len(text) // 2]) != found


def test_shape_is_the_same_in_every_process() -> None:
    assert sorted(shape(language_named("python"), b"a = b + 1\n")) == [
        551786226, 677180474, 1209392224, 1437065312, 3210884856, 3383147456, 3605948721,
    ]  # fmt: skip


def test_complexity_counts_nodes() -> None:
    python = language_named("python")
    assert complexity(python, b"") == 1
    assert complexity(python, b"a = 1\n") < complexity(python, b"a = 1 + b\n")


def test_language_without_a_grammar_has_lines() -> None:
    assert complexity(Plain(), b"x\n") == 0
    assert shape(Plain(), b"a\nb\n\nc\nd") == shape(Plain(), b" a \nb\r\nc\nd\n") != frozenset()
    assert len(shape(Plain(), b"a")) == 1


LINES = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=12)


@given(LINES, LINES)
def test_edits_are_lines_removed_or_added(old: list[bytes], new: list[bytes]) -> None:
    found = edits(b"\n".join(old), b"\n".join(new))
    assert found == edits(b"\n".join(new), b"\n".join(old))
    rows = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for a, one in enumerate(old, 1):
        for b, other in enumerate(new, 1):
            rows[a][b] = (
                rows[a - 1][b - 1] + 1 if one == other else max(rows[a - 1][b], rows[a][b - 1])
            )
    assert found == max(len(old), len(new)) - rows[-1][-1]


def test_edits_of_line_ends_count_as_one() -> None:
    assert edits(b"a\nb\n", b"a\r\nb\r\n") == 1
    assert edits(b"a\n", b"a\n") == 0


def test_trees_are_kept_up_to_a_number() -> None:
    trees, python = SyntaxTrees(2), language_named("python")
    first = trees.tree(python, b"a")
    assert trees.tree(python, b"a") is first
    trees.tree(python, b"b")
    trees.tree(python, b"c")
    assert trees.tree(python, b"a") is not first


def test_changed_tree_is_that_of_the_changed_text() -> None:
    trees, python = SyntaxTrees(), language_named("python")
    before = b"def f(x):\n    return x\n"
    tree = trees.tree(python, before)
    assert tree is not None
    for start, end, new in ((21, 22, b"(x"), (21, 22, b"(x)"), (10, 23, b"    pass\n    y\n")):
        after, changed = trees.changed(python, tree, before, [(start, end, new)])
        fresh = SyntaxTrees().tree(python, after)
        assert fresh is not None
        assert str(changed.root_node) == str(fresh.root_node)
        assert errors(changed.root_node) == errors(fresh.root_node) == (new == b"(x")


@pytest.mark.parametrize("count", [2, MOST_PIECES, MOST_PIECES + 1])
def test_changes_are_made_together(count: int) -> None:
    trees, python = SyntaxTrees(), language_named("python")
    before = b"a = 1\nb = 2\n" * 10
    tree = trees.tree(python, before)
    assert tree is not None
    pieces = [(6 * at + 4, 6 * at + 5, b"-12") for at in range(count)]
    after, changed = trees.changed(python, tree, before, reversed(pieces))
    lines = after.splitlines()
    assert lines[:count] == [b"a = -12", b"b = -12"] * (count // 2) + [b"a = -12"] * (count % 2)
    assert lines[count:] == before.splitlines()[count:]
    fresh = SyntaxTrees().tree(python, after)
    assert fresh is not None and str(changed.root_node) == str(fresh.root_node)
