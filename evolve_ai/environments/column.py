"""Owns reading a column of a CSV file as a series of numbers."""

import csv
import math
from pathlib import Path

from evolve_ai.model.errors import SeriesError

SHIPPED = Path(__file__).parent / "sunspots.csv"
MINIMUM = 20
LARGEST_FILE = 64 * 2**20
LARGEST = 1e12  # what an agent may answer has room beyond it


def read_column(file: Path, column: str = "") -> tuple[float, ...]:
    """The numbers of a named column (empty: the last one). The first line is the header.

    Raises SeriesError naming file and line for a hole, a text, or too few values.
    """
    header, *rows = _rows(file) or [(1, [])]
    if not header[1]:
        raise SeriesError("is empty", where=file, todo="a header and one value a line are needed")
    at = _position(header[1], column, file)
    values = tuple(_number(cells, at, file, line) for line, cells in rows)
    if len(values) < MINIMUM:
        raise SeriesError(
            f"has {len(values)} values, at least {MINIMUM} are needed",
            where=file,
            todo="take a longer series",
        )
    if max(values) == min(values):
        raise SeriesError(
            "holds one value only, there is nothing to forecast",
            where=file,
            todo="set [series] column to another column, or take another file",
        )
    return values


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """(line, cells) from the header to the last line that is not empty."""
    _check_kind(file)
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            rows = [(reader.line_num, cells) for cells in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeriesError(
            f"cannot be read: {error}", where=file, todo="name a CSV file in [series] file"
        ) from error
    while rows and not any(rows[-1][1]):
        del rows[-1]
    first = next((at for at, (_, cells) in enumerate(rows) if any(cells)), 0)
    return rows[first:]


def _check_kind(file: Path) -> None:
    """A device has no end and a pipe no beginning; a file of gigabytes would fill the memory."""
    todo = "name a CSV file in [series] file"
    if file.exists() and not file.is_file():
        raise SeriesError("cannot be read: it is no regular file", where=file, todo=todo)
    if file.exists() and file.stat().st_size > LARGEST_FILE:
        size = file.stat().st_size // 2**20
        raise SeriesError(
            f"has {size} MiB, at most {LARGEST_FILE // 2**20} are read", where=file, todo=todo
        )


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
    if not abs(value) <= LARGEST:
        what = f"{text[:60]!r} is no number up to {LARGEST:g}" if text else "the value is missing"
        raise SeriesError(what, where=f"{file}:{number}", todo="fill the hole or cut the line out")
    return value
