"""Local steps of a numeric literal, in its own form."""

import random

from evolve_ai.model.literals import Literal, parsed

_FACTORS = (2.0, 0.5, 10.0, 0.1, 1.1, 1 / 1.1, 1.01, 1 / 1.01)


def value_of(text: bytes) -> tuple[Literal, float] | None:
    """A literal, perhaps with a minus before it, and its number."""
    written = text.decode("latin-1")
    minus = written.startswith("-")
    literal = parsed(written[1:].strip() if minus else written)
    if literal is None:
        return None
    return literal, -literal.value if minus else literal.value


def written(text: bytes, literal: Literal, value: float) -> bytes | None:
    """The number in the form of `text`; None where it cannot be written so.

    A number that becomes negative gets parentheses, since what is before it may be a minus.
    """
    new = literal.text(abs(value))
    if new is None:
        return None
    if value >= 0 or literal.text(0) == new:
        return new.encode()
    if literal.radix != 10 or "u" in literal.suffix.lower():
        return None
    return f"-{new}".encode() if text.startswith(b"-") else f"(-{new})".encode()


def stepped(text: bytes, rng: random.Random) -> bytes | None:
    """A nearby number: larger or smaller by a factor or a step, or with the other sign."""
    found = value_of(text)
    if found is None:
        return None
    literal, value = found
    for _ in range(8):
        new = written(text, literal, _near(literal, value, rng))
        if new is not None and new != text:
            return new
    return None


def _near(literal: Literal, value: float, rng: random.Random) -> float:
    way = rng.randrange(8)
    if way == 0:
        return -value
    if way == 1:
        return float(rng.choice((0, 1, 2, -1)))
    if literal.is_whole and way < 6:
        return value + rng.choice((1, -1, 1, -1, 2, -2))
    if way < 6 or value == 0:
        size = abs(value) or 1.0
        scale: float = 10.0 ** rng.uniform(-4, 0)
        return value + rng.gauss(0.0, 1.0) * size * scale
    return value * rng.choice(_FACTORS)
