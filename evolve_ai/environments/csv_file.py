"""Reads a CSV file (RFC 4180 and its usual variants) as rows of cells; refuses other files."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.errors import SeriesError

LARGEST_FILE = 64 * 2**20
LONGEST_LINE = 2**20  # characters
BLANKS = " "  # as a separator: any number of blanks and tabs
NAME_A_FILE = "name a CSV file in [environment] file"

# The first bytes of files that are often given by mistake, and what to do about them.
_OTHER_KINDS = (
    (b"PK\x03\x04", "a workbook of Excel or another zip archive", "save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old workbook of Excel", "save the sheet as CSV"),
    (b"\x1f\x8b", "compressed (gzip)", "unpack it: gunzip"),
    (b"BZh", "compressed (bzip2)", "unpack it: bunzip2"),
    (b"\xfd7zXZ\x00", "compressed (xz)", "unpack it: unxz"),
    (b"\x28\xb5\x2f\xfd", "compressed (zstd)", "unpack it: unzstd"),
    (b"PAR1", "a Parquet file", "write the table as CSV"),
    (b"SQLite format 3\x00", "a database of SQLite", "write the table as CSV"),
    (b"%PDF", "a PDF document", NAME_A_FILE),
    (b"\x89HDF", "an HDF5 file", "write the table as CSV"),
    (b"{", "JSON", "write the table as CSV"),
    (b"[", "JSON, or a configuration", "write the table as CSV"),
    (b"<", "HTML or XML", "save the data themselves, not the page about them"),
)
_MARKS = (  # byte order marks; the longer ones first
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """The format of a file, from [environment] in evolve.toml."""

    separator: str = ","
    decimal: str = "."
    header: bool = True
    comment: str = ""
    skip: int = 0
    unsorted: bool = False


@dataclass(frozen=True, slots=True)
class CsvRow:
    """Cells without surrounding blanks, and the line on which the row ends."""

    line: int
    cells: tuple[str, ...]

    @property
    def is_blank(self) -> bool:
        return not any(self.cells)


def rows_of(file: Path, form: Form) -> Iterator[CsvRow]:
    """All rows, including blank ones. SeriesError for a file that is no text or no CSV."""
    text = _text(file)
    lines = _lines(text, file, form)
    if form.separator == BLANKS:
        for line, written in lines:
            yield CsvRow(line, tuple(written.split()))
        return
    yield from _quoted(lines, file, form)


def _quoted(lines: Iterator[tuple[int, str]], file: Path, form: Form) -> Iterator[CsvRow]:
    at = form.skip

    def counted() -> Iterator[str]:
        nonlocal at
        for line, written in lines:
            at = line
            yield written

    reader = csv.reader(
        counted(), delimiter=form.separator, skipinitialspace=form.separator != "\t", strict=True
    )
    while True:
        begun = at + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise SeriesError(
                f"is no CSV: {error}",
                where=f"{file}:{begun}",
                todo='mend the quotes in that line; a quote inside quotes is written twice: ""',
            ) from error
        yield CsvRow(at, tuple(cell.strip() for cell in cells))


def _text(file: Path) -> str:
    data = _bytes(file)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SeriesError(
            f"cannot be read: it is not UTF-8 (byte 0x{data[error.start]:02x})",
            where=f"{file}:{line}",
            todo=f"save it as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 {file.name}",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SeriesError(
            "cannot be read: it holds NUL bytes, so it is no text in UTF-8",
            where=f"{file}:{line}",
            todo="save it as UTF-8 (UTF-16 needs a byte order mark to be known)",
        )
    return text


def _bytes(file: Path) -> bytes:
    """The content of a regular file of limited size: reading a device or a pipe might never end."""
    if file.exists() and not file.is_file():
        what = "cannot be read: it is no regular file"
        raise SeriesError(what, where=file, todo=NAME_A_FILE)
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise SeriesError(
                f"has {size // 2**20} MiB, at most {LARGEST_FILE // 2**20} are read",
                where=file,
                todo=NAME_A_FILE,
            )
        data = file.read_bytes()
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise SeriesError(what, where=file, todo=NAME_A_FILE) from error
    for beginning, kind, todo in _OTHER_KINDS:
        if data.startswith(beginning):
            raise SeriesError(f"cannot be read: it is {kind}, no CSV", where=file, todo=todo)
    return data


def _lines(text: str, file: Path, form: Form) -> Iterator[tuple[int, str]]:
    """(number, line) of the lines that are no comment. Lines end with LF, CR LF, or CR."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        if len(line) > LONGEST_LINE:
            raise SeriesError(
                f"has a line of {len(line)} letters, at most {LONGEST_LINE} are read",
                where=f"{file}:{number}",
                todo="one value a line is needed",
            )
        if number > form.skip and not (form.comment and line.lstrip().startswith(form.comment)):
            yield number, line
