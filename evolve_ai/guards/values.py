"""Checks single values that a plug-in returned, and gives each back in a plain type."""

import math
import operator
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

from evolve_ai.system.guard import WrongValueError, described, shown

LARGEST_INTEGER = 2**53  # what JSON, SQLite and every language hold exactly
LARGEST_NUMBER = 1e300  # sums of some thousands of these are finite
LONGEST_TEXT = 10_000


def integer(
    value: object, what: str, low: int = -LARGEST_INTEGER, high: int = LARGEST_INTEGER
) -> int:
    """A whole number; numpy's are taken, floats and truth values are not."""
    if type(value) is int:
        found = value
    elif isinstance(value, bool | float | str | bytes):
        raise WrongValueError(f"returned {shown(value)} as {what}, a whole number is needed")
    else:
        try:
            found = operator.index(value)  # type: ignore[arg-type]
        except Exception:
            told = f"returned {shown(value)} as {what}, a whole number is needed"
            raise WrongValueError(told) from None
    if not low <= found <= high:
        written = str(found) if abs(found) < 10**30 else f"a number of {found.bit_length()} bits"
        raise WrongValueError(f"returned {written} as {what}, {low} to {high} is allowed")
    return found


def number(value: object, what: str, low: float = -LARGEST_NUMBER) -> float:
    """A finite number; numpy's are taken, texts and truth values are not."""
    if isinstance(value, bool | str | bytes | bytearray):
        raise WrongValueError(f"returned {shown(value)} as {what}, a number is needed")
    try:
        found = float(value)  # type: ignore[arg-type]
    except OverflowError:
        found = math.inf
    except Exception:
        told = f"returned {shown(value)} as {what}, a number is needed"
        raise WrongValueError(told) from None
    if not math.isfinite(found):
        raise WrongValueError(f"returned {shown(value)} as {what}, a finite number is needed")
    if not low <= found <= LARGEST_NUMBER:
        raise WrongValueError(
            f"returned {found!r} as {what}, {low:g} to {LARGEST_NUMBER:g} is allowed"
        )
    return found


def number_or_none(value: object, what: str) -> float | None:
    return None if value is None else number(value, what)


def text(value: object, what: str, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise WrongValueError(f"returned {shown(value)} as {what}, a text is needed")
    found = str.__str__(value)
    if len(found) > longest:
        raise WrongValueError(f"returned {len(found)} letters as {what}, {longest} are allowed")
    try:
        found.encode()
    except UnicodeEncodeError:
        told = f"returned {shown(value)} as {what}, which is no Unicode text"
        raise WrongValueError(told) from None
    return found


def binary(value: object, what: str) -> bytes:
    if not isinstance(value, bytes):
        raise WrongValueError(f"returned {shown(value)} as {what}, bytes are needed")
    return bytes(value)


def items(value: object, what: str, most: int) -> list[Any]:
    """The items of a sequence or another finite iterable."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise WrongValueError(f"returned {shown(value)} as {what}, a sequence is needed")
    try:
        found = list(islice(value, most + 1))
    except Exception as error:
        raise WrongValueError(f"failed in its {what}: {described(error)}") from error
    if len(found) > most:
        raise WrongValueError(f"returned more than {most} {what}")
    return found


def mapping(value: object, what: str) -> dict[str, Any]:
    """A plain dict whose keys are texts."""
    if not isinstance(value, Mapping):
        raise WrongValueError(f"returned {shown(value)} as {what}, a mapping is needed")
    try:
        pairs = [(key, value[key]) for key in islice(value, LARGEST_MAPPING + 1)]
    except Exception as error:
        raise WrongValueError(f"failed in its {what}: {described(error)}") from error
    if len(pairs) > LARGEST_MAPPING:
        raise WrongValueError(f"returned more than {LARGEST_MAPPING} {what}")
    return {text(key, f"a key of {what}"): item for key, item in pairs}


LARGEST_MAPPING = 1_000_000


def known(ids: Iterable[str], among: Collection[str], what: str) -> None:
    """WrongValueError for the first who is not `among` those that live here."""
    for agent in ids:
        if agent not in among:
            raise WrongValueError(f"named {agent[:80]!r} in its {what}, who does not live here")


def instance(value: object, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise WrongValueError(f"returned {shown(value)} as {what}, a {kind.__name__} is needed")
    return value


def offers(value: object, names: Iterable[str], what: str) -> Any:
    """An object with these functions."""
    for name in names:
        try:
            found = callable(getattr(value, name, None))
        except BaseException as error:
            raise WrongValueError(f"failed in {name}: {described(error)}") from error
        if not found:
            raise WrongValueError(f"returned {shown(value)} as {what}, which has no {name}()")
    return value


def nothing(value: object) -> None:
    """Whatever was returned is of no use."""


def anything(value: object) -> object:
    return value
