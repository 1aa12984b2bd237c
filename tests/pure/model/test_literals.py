"""Numeric literals keep their form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.literals import parsed


@pytest.mark.parametrize(
    ("text", "value", "other", "written"),
    [
        ("7", 7, 8.4, "8"),
        ("0", 0, 3, "3"),
        ("1_000", 1000, 2000, "2000"),
        ("1'000", 1000, 2000, "2000"),
        ("1.5", 1.5, 2, "2.0"),
        ("1.", 1, 0.25, "0.25"),
        (".5", 0.5, 1e-9, "1e-09"),
        ("1e3", 1000, 0.1 + 0.2, "0.3"),
        ("2.5f", 2.5, 3, "3.0f"),
        ("1.0L", 1, 4, "4.0L"),
        ("1.0_f64", 1, 2.5, "2.5_f64"),
        ("2f32", 2, 3, "3.0f32"),
        ("7u8", 7, 9, "9u8"),
        ("7_usize", 7, 9, "9_usize"),
        ("7UL", 7, 9, "9UL"),
        ("7n", 7, 9, "9n"),
        ("0x1F", 31, 255, "0xFF"),
        ("0x0f", 15, 16, "0x10"),
        ("0x00ff", 255, 1, "0x0001"),
        ("0xffu8", 255, 16, "0x10u8"),
        ("0b1010", 10, 3, "0b0011"),
        ("0o17", 15, 8, "0o10"),
    ],
)
def test_form_is_kept(text: str, value: float, other: float, written: str) -> None:
    literal = parsed(text)
    assert literal is not None
    assert literal.value == value
    assert literal.text(other) == written
    again = parsed(written)
    assert again is not None and again.is_whole == literal.is_whole
    assert literal.text(-1) is None and literal.text(float("inf")) is None


@pytest.mark.parametrize(
    "text", ["", "x", "017", "1j", "2i", "0x1p3", "1e999", "0b12", ".", "1.2.3"]
)
def test_other_forms_are_left_alone(text: str) -> None:
    assert parsed(text) is None


@given(st.floats(0, 1e300), st.sampled_from(("", "f", "f32", "L")))
def test_float_comes_back(value: float, suffix: str) -> None:
    literal = parsed(f"1.0{suffix}")
    assert literal is not None
    written = literal.text(value)
    assert written is not None
    again = parsed(written)
    assert again is not None and not again.is_whole and again.suffix == suffix
    assert again.value == pytest.approx(value, rel=1e-11)
