"""What a reading finds: places by what can be done there."""

import pytest
from language_of import language_named
from language_samples import SAMPLES

from evolve_ai.proposers.reading import HEADER, NAME, NUMBER, STATEMENT, Reading, Readings


def reading(name: str, text: bytes, blocks: bool = True) -> Reading:
    found = Readings(lambda path: language_named(name), blocks).of("a", text)
    assert found is not None
    return found


def texts(found: Reading, role: str, mine: bool = True) -> list[bytes]:
    places = found.mine if mine else found.found
    return [found.text(place) for place in places.get(role, ())]


def test_only_what_is_between_marks_is_mine() -> None:
    found = reading("python", b"a = 1\n# EVOLVE-BLOCK-START\nb = -2\n# EVOLVE-BLOCK-END\nc = 3\n")
    assert texts(found, STATEMENT) == [b"b = -2"]
    assert texts(found, STATEMENT, mine=False) == [b"a = 1", b"b = -2", b"c = 3"]
    assert texts(found, NUMBER) == [b"-2"]
    assert texts(reading("python", found.data, blocks=False), NAME) == [b"a", b"b", b"c"]


def test_statement_around_a_mark_is_not_mine() -> None:
    text = b"if a:\n    # EVOLVE-BLOCK-START\n    b()\n    # EVOLVE-BLOCK-END\n    c()\n"
    assert texts(reading("python", text), STATEMENT) == [b"b()"]


def test_file_whose_marks_are_no_pairs_is_left_alone() -> None:
    found = reading("python", b"# EVOLVE-BLOCK-START\na = 1\n")
    assert texts(found, STATEMENT) == [] and texts(found, STATEMENT, mine=False) == [b"a = 1"]


def test_remarks_are_no_statements() -> None:
    found = reading("python", b'"""Words."""\ndef f():\n    """Words."""\n    return 1\n')
    assert texts(found, STATEMENT) == [b"return 1"]
    assert texts(reading("javascript", b'"use strict";\nf(1);\n'), STATEMENT) == [b"f(1);"]


def test_headers_end_before_the_body_and_know_the_loop_around() -> None:
    found = reading("cpp", b"void f() { for (;;) { while (a) b(); } for (auto x : y) {} }")
    assert texts(found, HEADER) == [b"for (;;)", b"while (a)", b"for (auto x : y)"]
    assert [place.around for place in found.found[HEADER]] == [-1, 0, -1]


@pytest.mark.parametrize("name", ["python", "javascript", "typescript", "rust"])
def test_methods_have_the_name_of_their_class(name: str) -> None:
    assert "Queue.push" in reading(name, SAMPLES[name]).functions


def test_functions_of_the_same_name_are_told_apart() -> None:
    found = reading("cpp", b"struct S { int f() { return 1; } int f(int x) { return x; } };")
    assert list(found.functions) == ["S.f", "S.f'"]


def test_languages_without_a_syntax_are_not_read() -> None:
    assert Readings(lambda path: None, True).of("a.txt", b"x") is None
