"""Owns reading a column of a CSV file as a series of numbers."""

import csv
import math
from pathlib import Path

from evolve_ai.model.errors import SeriesError

SHIPPED = Path(__file__).parent / "sunspots.csv"
MINIMUM = 20


def read_column(file: Path, column: str = "") -> tuple[float, ...]:
    """The numbers of a named column (empty: the last one). The first line is the header.

    Raises SeriesError naming file and line for a hole, a text, or too few values.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            lines = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeriesError(
            f"cannot be read: {error}", where=file, todo="name a CSV file in [series] file"
        ) from error
    if not lines:
        raise SeriesError("is empty", where=file, todo="a header and one value a line are needed")
    at = _position(lines[0], column, file)
    values = tuple(
        _number(line, at, file, number) for number, line in enumerate(lines[1:], start=2) if line
    )
    if len(values) < MINIMUM:
        raise SeriesError(f"has {len(values)} values, at least {MINIMUM} are needed", where=file)
    if max(values) == min(values):
        raise SeriesError("holds one value only, there is nothing to forecast", where=file)
    return values


def _position(header: list[str], column: str, file: Path) -> int:
    names = [name.strip() for name in header]
    if not column:
        return len(names) - 1
    if column not in names:
        raise SeriesError(
            f"has no column {column!r}; its columns are {', '.join(names)}",
            where=file,
            todo="set [series] column to one of them",
        )
    return names.index(column)


def _number(line: list[str], at: int, file: Path, number: int) -> float:
    text = line[at].strip() if at < len(line) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        what = f"{text!r} is no number" if text else "the value is missing"
        raise SeriesError(what, where=f"{file}:{number}", todo="fill the hole or cut the line out")
    return value
