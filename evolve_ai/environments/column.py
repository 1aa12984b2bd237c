"""Reads a column of a CSV file as a series of numbers, or refuses it and names the bad places."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import islice, pairwise
from pathlib import Path

from evolve_ai.environments.cells import advice, is_date, is_missing, number_in
from evolve_ai.environments.csv_file import BLANKS, CsvRow, Form, rows_of
from evolve_ai.model.errors import SeriesError

SHIPPED = Path(__file__).parent / "sunspots.csv"
MINIMUM = 20
MOST = 2_000_000
_PLACES = 3  # places that a refusal names
_PLAIN = Form()
_SEPARATORS = {";": '";"', "\t": r'"\t"', "|": '"|"', BLANKS: '" "', ",": '","'}
_TIMES = frozenset({"date", "datetime", "timestamp", "time", "year", "day"})
_YEARS = range(1000, 3000)

_ABOUT = (
    "lines about the file above the header are left out with skip = 1 (or more) in [environment]"
)

Place = tuple[int, str]


def read_column(file: Path, column: str = "", form: Form = _PLAIN) -> tuple[float, ...]:
    """The numbers of a named column (empty: the last one; without a header: its number from 1).

    Raises SeriesError with the file, the first wrong lines, and what to do.
    """
    rows = _trimmed(rows_of(file, form), file)
    names = _names(rows, file, form)
    body = rows[1:] if form.header else rows
    at = _position(names, column, file, form)
    _check_shape(names, body, file, form)
    _check_footer(body, at, file)
    if not form.unsorted:
        _check_order(names, body, at, file)
    values = _numbers(names, body, at, file, form)
    _check_values(values, file)
    return values


def _trimmed(rows: Iterator[CsvRow], file: Path) -> list[CsvRow]:
    """The rows without blank ones at the beginning and the end."""
    found: list[CsvRow] = []
    blank: list[CsvRow] = []
    for row in rows:
        if row.is_blank:
            blank.append(row)
            continue
        found += blank if found else []
        blank = []
        found.append(row)
        if len(found) > MOST:
            raise SeriesError(
                f"has more than {MOST} values", where=file, todo="take a part of the series"
            )
    if not found:
        raise SeriesError("is empty", where=file, todo="a header and one value a line are needed")
    return found


def _names(rows: Sequence[CsvRow], file: Path, form: Form) -> tuple[str, ...]:
    """The names of the columns; without a header, their numbers."""
    first = rows[0]
    if not form.header:
        return tuple(str(number) for number in range(1, len(first.cells) + 1))
    if first.cells[0].startswith("#") and first.cells[0] != "#":
        raise SeriesError(
            f"begins with {first.cells[0][:60]!r}: a comment, or a header?",
            where=f"{file}:{first.line}",
            todo='set comment = "#" in [environment] to leave such lines out, or remove the mark',
        )
    return first.cells


def _position(names: Sequence[str], column: str, file: Path, form: Form) -> int:
    if column:
        return _named(names, column, file, form)
    last = names[-1]
    if form.header and isinstance(number_in(last, form.decimal), float):
        raise SeriesError(
            f"has no header: its first line says {', '.join(names[:5])!r}",
            where=file,
            todo="set header = false in [environment], or write the names of the columns above; if "
            f'that is the name of a column, set column = "{last}"',
        )
    if not last:
        raise SeriesError(
            f"the last of its {len(names)} columns has no name (do lines end with a separator?)",
            where=file,
            todo=f"set [environment] column to one of {_listed(names)}",
        )
    if names.count(last) > 1:
        raise _ambiguous(last, names, file)
    return len(names) - 1


def _named(names: Sequence[str], column: str, file: Path, form: Form) -> int:
    count = names.count(column)
    if count == 1:
        return names.index(column)
    if count > 1:
        raise _ambiguous(column, names, file)
    near = get_close_matches(column, names, 1)
    todo = (
        f'did you mean column = "{near[0]}"?' if near else "set [environment] column to one of them"
    )
    raise SeriesError(
        f"has no column {column!r}; its columns are {_listed(names)}",
        where=file,
        todo=_separator_todo(names, form) or todo,
    )


def _ambiguous(name: str, names: Sequence[str], file: Path) -> SeriesError:
    return SeriesError(
        f"has {names.count(name)} columns called {name!r}: {_listed(names)}",
        where=file,
        todo="give each column a name of its own",
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:30] if name)
    return f"{shown} …" if len(names) > 30 else shown


def _separator_todo(names: Sequence[str], form: Form) -> str | None:
    """What to set when a header of one cell looks like several."""
    if len(names) != 1:
        return None
    for separator, written in _SEPARATORS.items():
        if separator != form.separator and separator in names[0]:
            return f"set separator = {written} in [environment], if the header is several names"
    return None


def _check_shape(names: Sequence[str], body: Sequence[CsvRow], file: Path, form: Form) -> None:
    """Refuse rows with more or fewer cells than the header: their columns are unknown."""
    odd = (row for row in body if len(row.cells) != len(names))
    first = list(islice(odd, _PLACES))
    if not first:
        return
    if first[0].is_blank or not any(first[0].cells[len(names) - 1 :]):
        what = f"the value is missing: {len(first[0].cells)} fields, where the first line has"
    else:
        what = f"{len(first[0].cells)} fields, where the first line has"
    raise SeriesError(
        f"{what} {len(names)}{_also([(row.line, '') for row in first])}",
        where=f"{file}:{first[0].line}",
        todo=_shape_todo(names, body, form),
    )


def _shape_todo(names: Sequence[str], body: Sequence[CsvRow], form: Form) -> str:
    separator = _separator_todo(names, form)
    if separator is not None and _separator_todo(["".join(body[0].cells)], form) == separator:
        return separator
    counts = {len(row.cells) for row in body if not row.is_blank}
    if counts == {len(names) + 1}:
        if all(not row.cells[-1] for row in body if not row.is_blank):
            return "every line ends with a separator: take it away, or end the header with one, too"
        why = (
            "every line has one more field than the header: R does so with row names. Write it "
            "with row.names = FALSE, or name the first column; a decimal comma does so, too"
        )
        return f"{why}; {_ABOUT}" if len(names) == 1 else why
    if len(names) == 1:
        return _ABOUT
    return "mend these lines: each needs as many fields as the header; text with a comma in quotes"


def _check_footer(body: Sequence[CsvRow], at: int, file: Path) -> None:
    """Refuse a sum below the numbers, since it is no value of the series."""
    if at == 0 or len(body) < MINIMUM or body[-1].is_blank:
        return
    last = body[-1].cells[0]
    if is_missing(last) or any(letter.isdigit() for letter in last):
        return
    if all(row.cells and row.cells[0][:1].isdigit() for row in body[:-1]):
        raise SeriesError(
            f"its last line begins with {last[:60]!r}, where all others have a number or a date",
            where=f"{file}:{body[-1].line}",
            todo="cut the line out, if it is no value of the series",
        )


def _check_order(names: Sequence[str], body: Sequence[CsvRow], at: int, file: Path) -> None:
    """Refuse a first column whose times go backwards: agents would get the values in that order."""
    if at == 0 or len(body) < MINIMUM or any(row.is_blank for row in body):
        return
    keys = _times(names[0], [row.cells[0] for row in body])
    if keys is None:
        return
    falls = [
        (row.line, row.cells[0])
        for (before, now), row in zip(pairwise(keys), body[1:], strict=True)
        if now < before  # type: ignore[operator]
    ]
    if falls:
        line, cell = falls[0]
        raise SeriesError(
            f"{names[0]!r} goes back to {cell!r}{_also(falls[:_PLACES])}",
            where=f"{file}:{line}",
            todo="sort the lines from the oldest to the newest; or set unsorted = true in "
            "[environment] to tell them as they stand",
        )


def _times(name: str, cells: Sequence[str]) -> Sequence[float] | Sequence[str] | None:
    """Sort keys of a column of times; None for another column, or for times of an unknown form."""
    numbers = [number_in(cell) for cell in cells]
    if all(isinstance(one, float) for one in numbers):
        found = [one for one in numbers if isinstance(one, float)]
        years = all(one.is_integer() and int(one) in _YEARS for one in found)
        falling = all(now < before for before, now in pairwise(found))
        return found if years or falling or name.lower() in _TIMES - {"day", "time"} else None
    iso = all(is_date(cell) and cell[:4].isdigit() and cell[4:5] in "-/" for cell in cells)
    lengths = {len(cell) for cell in cells}
    return cells if iso and len(lengths) == 1 else None


def _numbers(
    names: Sequence[str], body: Sequence[CsvRow], at: int, file: Path, form: Form
) -> tuple[float, ...]:
    values: list[float] = []
    wrong: list[tuple[int, str, str]] = []
    for row in body:
        text = row.cells[at]
        found = number_in(text, form.decimal)
        if isinstance(found, float):
            values.append(found)
        else:
            wrong.append((row.line, text, found))
            if len(wrong) == _PLACES:
                break
    if wrong:
        line, text, what = wrong[0]
        raise SeriesError(
            f"{what}{_also([(line, cell) for line, cell, _ in wrong])}",
            where=f"{file}:{line}",
            todo=_separator_todo(names, form) or advice(text, form.decimal),
        )
    return tuple(values)


def _also(places: Iterable[Place]) -> str:
    """The places after the first."""
    more = [f"line {line}{f' ({cell[:20]!r})' if cell else ''}" for line, cell in places][1:]
    return f" (also {', '.join(more)})" if more else ""


def _check_values(values: Sequence[float], file: Path) -> None:
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
            todo="set [environment] column to another column, or take another file",
        )
