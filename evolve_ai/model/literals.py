"""Numeric literals as numbers, and back in the same form: digits, suffix, whole or not."""

import math
import re
from dataclasses import dataclass

_RADIX = {"x": 16, "o": 8, "b": 2}
_WHOLE = re.compile(r"(0[xXoObB])([0-9a-fA-F_']+?)([iu](?:8|16|32|64|128|size)|[uUlLzZ]+|n)?$")
_DECIMAL = re.compile(
    r"((?:\d[\d_']*)?(?:\.(?:\d[\d_']*)?)?(?:[eE][+-]?\d+)?)"
    r"([iuf](?:8|16|32|64|128|size)|[uUlLzZ]+|[fFlL]|n)?$"
)
_LARGEST = 2**63 - 1
_DIGITS = 12  # of a float that is written


@dataclass(frozen=True, slots=True)
class Literal:
    """`radix` is 16, 8, 2, or 10. A float has a point or an exponent, or a suffix that says so."""

    value: float
    is_whole: bool
    radix: int = 10
    prefix: str = ""
    suffix: str = ""
    upper: bool = False
    width: int = 0

    def text(self, value: float) -> str | None:
        """Another number (not negative) in this form; None where it cannot be written so."""
        if not math.isfinite(value) or value < 0:
            return None
        if not self.is_whole:
            return _as_float(float(value), bool(self.suffix)) + self.suffix
        number = round(value)
        if number > _LARGEST:
            return None
        if self.radix == 10:
            return f"{number}{self.suffix}"
        digits = format(number, {16: "x", 8: "o", 2: "b"}[self.radix]).rjust(self.width, "0")
        return self.prefix + (digits.upper() if self.upper else digits) + self.suffix


def parsed(text: str) -> Literal | None:
    """The literal that is written so; None for forms that are left alone (octal by a mere 0,
    hexadecimal floats, imaginary numbers)."""
    if found := _WHOLE.match(text):
        prefix, (digits, suffix) = found[1], _split(found[2], found[3])
        radix = _RADIX[prefix[1].lower()]
        plain = digits.replace("_", "").replace("'", "")
        try:
            value = float(int(plain, radix))
        except (ValueError, OverflowError):
            return None
        upper = any(letter.isupper() for letter in plain)
        return Literal(value, True, radix, prefix, suffix, upper, len(plain))
    found = _DECIMAL.match(text)
    if found is None or not any(letter.isdigit() for letter in found[1]):
        return None
    digits, suffix = _split(found[1], found[2])
    number = digits.replace("_", "").replace("'", "")
    is_float = any(letter in ".eE" for letter in number) or suffix.lower().lstrip("_")[:1] == "f"
    if not is_float and len(number) > 1 and number.startswith("0"):
        return None
    try:
        value = float(number)
    except ValueError:
        return None
    return Literal(value, not is_float, suffix=suffix) if math.isfinite(value) else None


def _split(digits: str, suffix: str | None) -> tuple[str, str]:
    """A line between digits and suffix belongs to the suffix."""
    plain = digits.rstrip("_")
    return plain, digits[len(plain) :] + (suffix or "")


def _as_float(value: float, has_suffix: bool) -> str:
    text = f"{value:.{_DIGITS}g}"
    return text if any(letter in ".en" for letter in text) else f"{text}.0"
