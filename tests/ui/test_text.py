"""Tests of showing what somebody else wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.ui.text import plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\tb\nc\n", "a\tb\nc\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b2Jgone", "gone"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;cm0gLXJm\x1b\\after", "after"),
        ("\x1b]0;never ended\nnext line", "\nnext line"),
        ("\x1bP1$r\x1b\\x", "x"),
        ("\x1bc\x1b(Bx", "x"),
        ("50%\rall\b\b\x00\x7f\x85", "50%all"),
        ("abc\u202edef\u2066", "abcdef"),
        ("päivää 日本 ☀", "päivää 日本 ☀"),
    ],
)
def test_what_a_terminal_would_obey_is_left_out(written: str, shown: str) -> None:
    assert plain(written) == shown


@given(st.text(st.sampled_from("\x1b[]()0;1mA\x07\\\x9b\x9d\n\t\r é")))
def test_nothing_is_left_that_a_terminal_obeys(written: str) -> None:
    assert all(char.isprintable() or char in "\n\t" for char in plain(written))
    assert plain(written).count("\n") == written.count("\n")
