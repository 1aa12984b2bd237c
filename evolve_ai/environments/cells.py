"""Reads one cell of a table as a number, or says what is wrong with it. It never guesses."""

import re

LARGEST = 1e12  # well below the largest number that an agent may answer

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[,.' \u00a0\u2009\u202f][0-9]{3})+(?:[.,][0-9]+)?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}(?:[T ].*)?|[0-9]{4}-[0-9]{2}")
_MISSING = frozenset(
    {"na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", ".", "..", "?", "missing"}
)


def number_in(text: str, decimal: str = ".") -> float | str:
    """The number in a cell, or what is wrong with the cell, in words."""
    plain = text if decimal == "." else _pointed(text)
    if plain is not None and _NUMBER.fullmatch(plain):
        value = float(plain)
        if abs(value) <= LARGEST:
            return value
        return f"{_short(text)} is no number up to {LARGEST:g}"
    return _what_is(text)


def _pointed(text: str) -> str | None:
    """A number with a decimal comma, rewritten with a point; None if it has a point already."""
    return None if "." in text else text.replace(",", ".")


def _what_is(text: str) -> str:
    if not text:
        return "the value is missing"
    if text.lower() in _MISSING:
        return f"{_short(text)} is no number: the value is missing"
    return f"{_short(text)} is no number"


def advice(text: str, decimal: str) -> str:
    """What to do about a cell that is no number."""
    if not text or text.lower() in _MISSING:
        return "fill the hole or cut the line out"
    if text.endswith("%"):
        return "write the numbers without the percent sign"
    if decimal == "." and _COMMA.fullmatch(text) and not _GROUPED.fullmatch(text):
        return 'set decimal = "," in [environment]'
    if decimal == "," and _NUMBER.fullmatch(text):
        return 'write the number with a comma, or set decimal = "." in [environment]'
    if _GROUPED.fullmatch(text):
        return (
            "write the numbers without marks between the thousands; if that is a decimal comma, "
            'set decimal = "," in [environment]'
        )
    if _DATE.fullmatch(text):
        return "that is a date: set [environment] column to the column with the numbers"
    return "mend it or cut the line out; or set [environment] column to a column of numbers"


def _short(text: str) -> str:
    return repr(text[:60])


def is_missing(text: str) -> bool:
    return not text or text.lower() in _MISSING


def is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text))
