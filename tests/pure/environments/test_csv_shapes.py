"""Shapes that real CSV files have: read right, or refused with places and what to do."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.environments.column import MOST, read_column
from evolve_ai.environments.csv_file import Form
from evolve_ai.model.errors import SeriesError

YEARS = range(1900, 1930)
VALUES = tuple(float(year % 7) + 0.5 for year in YEARS)
PLAIN = "year,mean\n" + "".join(
    f"{year},{value}\n" for year, value in zip(YEARS, VALUES, strict=True)
)
SEMICOLONS = PLAIN.replace(",", ";").replace(".", ",")


def data(tmp_path: Path, content: str | bytes) -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def refusal(tmp_path: Path, content: str | bytes, column: str = "", **form: object) -> SeriesError:
    with pytest.raises(SeriesError) as error:
        read_column(data(tmp_path, content), column, Form(**form))  # type: ignore[arg-type]
    assert error.value.todo
    return error.value


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (PLAIN, {}),
        (PLAIN.replace("\n", "\r\n"), {}),
        (PLAIN.replace("\n", "\r"), {}),
        (PLAIN.encode("utf-8-sig"), {}),
        (PLAIN.encode("utf-16"), {}),
        (PLAIN.encode("utf-32"), {}),
        (PLAIN.replace("year,mean", '"year", "mean"'), {}),
        (PLAIN.replace("year,mean", " year , mean "), {}),
        ("\n".join('"' + line.replace(",", '","') + '"' for line in PLAIN.splitlines()), {}),
        (PLAIN.rstrip("\n"), {}),
        (f"\n\n{PLAIN}\n,\n\n", {}),
        (PLAIN.replace(",", "\t"), {"separator": "\t"}),
        (PLAIN.replace(",", "|"), {"separator": "|"}),
        (PLAIN.replace(",", "   "), {"separator": " "}),
        (PLAIN.replace(",", "\t ").replace("\n", "  \n"), {"separator": " "}),
        (SEMICOLONS, {"separator": ";", "decimal": ","}),
        (PLAIN.replace("year,mean\n", ""), {"header": False}),
        (f"# of an observatory\n#\n{PLAIN}", {"comment": "#"}),
        (f"Source: an observatory, 1930\n\n{PLAIN}", {"skip": 2}),
        (PLAIN.replace(".5", ".50e0"), {}),
    ],
)
def test_shape_is_read_right(tmp_path: Path, content: str | bytes, form: dict[str, object]) -> None:
    assert read_column(data(tmp_path, content), "", Form(**form)) == VALUES  # type: ignore[arg-type]


def test_a_column_without_a_header_goes_by_its_number(tmp_path: Path) -> None:
    file = data(tmp_path, PLAIN.replace("year,mean\n", ""))
    assert read_column(file, "2", Form(header=False)) == VALUES
    assert read_column(file, "1", Form(header=False)) == tuple(map(float, YEARS))


def test_row_names_without_a_header_are_refused(tmp_path: Path) -> None:
    """R writes them so: the header has one field less than the rows."""
    rows = [f'"{n}",{line}' for n, line in enumerate(PLAIN.splitlines()[1:], 1)]
    error = refusal(tmp_path, "\n".join(["year,mean", *rows]))
    assert "3 fields, where the first line has 2 (also line 3, line 4)" in error.what
    assert error.where == f"{tmp_path / 'data.csv'}:2"
    assert error.todo is not None
    assert "row.names = FALSE" in error.todo


CASES = {
    "separator at the end of rows": (PLAIN.replace(".5\n", ".5,\n"), "3 fields", "separator"),
    "separator at the end of all": (PLAIN.replace("\n", ",\n"), "has no name", "one of year, mean"),
    "ragged": (PLAIN.replace("1910,", "1910,9,"), "3 fields", "as many fields"),
    "no header": (PLAIN.replace("year,mean\n", ""), "has no header", "header = false"),
    "same names": (PLAIN.replace("year", "mean"), "2 columns called 'mean'", "of its own"),
    "semicolons": (SEMICOLONS, "fields, where the first", 'separator = ";"'),
    "tabs": (PLAIN.replace(",", "\t"), "is no number", r'separator = "\t"'),
    "blanks": (PLAIN.replace(",", " "), "is no number", 'separator = " "'),
    "decimal comma": (
        PLAIN.replace(",", ";").replace(".", ",").replace(";", "\t"),
        "fields, where the first line has 1",
        r'separator = "\t"',
    ),
    "preamble": (f"From an observatory\n{PLAIN}", "where the first line has 1", "skip"),
    "comment": (f"# From an observatory\n{PLAIN}", "begins with '# From", 'comment = "#"'),
    "footer": (f"{PLAIN}Total,120\n", "'Total'", "cut the line out"),
    "percent": (PLAIN.replace(".5", "%"), "is no number", "percent"),
    "underscore": (PLAIN.replace("2.5", "2_000"), "'2_000' is no number", "mend it"),
    "hexadecimal": (PLAIN.replace("2.5", "0x10"), "'0x10' is no number", "mend it"),
    "other digits": (PLAIN.replace("2.5", "٢"), "is no number", "mend it"),
    "thousands": (PLAIN.replace("2.5", '"1,234.5"'), "'1,234.5' is no number", "thousands"),
    "blank thousands": (PLAIN.replace("2.5", "1 234"), "'1 234' is no number", "thousands"),
    "quoted decimal comma": (PLAIN.replace("2.5", '"2,5"'), "'2,5' is no number", 'decimal = ","'),
    "not available": (PLAIN.replace("2.5", "NA"), "the value is missing", "fill the hole"),
    "dash": (PLAIN.replace("2.5", "-"), "the value is missing", "fill the hole"),
    "null": (PLAIN.replace("2.5", "null"), "the value is missing", "fill the hole"),
    "not a number": (PLAIN.replace("2.5", "NaN"), "the value is missing", "fill the hole"),
    "infinity": (PLAIN.replace("2.5", "inf"), "'inf' is no number", "mend it"),
    "too large": (PLAIN.replace("2.5", "1e13"), "no number up to 1e+12", "mend it"),
    "blank in the middle": (PLAIN.replace("1910", "\n1910"), "the value is missing", "these lines"),
    "backwards": (
        "\n".join(["year,mean", *reversed(PLAIN.splitlines()[1:])]),
        "'year' goes back to '1928' (also line 4 ('1927'), line 5 ('1926'))",
        "unsorted = true",
    ),
    "dates backwards": (
        "date,mean\n" + "".join(f"2020-01-{day:02},{day}\n" for day in range(30, 0, -1)),
        "goes back to '2020-01-29'",
        "sort the lines",
    ),
    "dates": ("x,date\n" + "1,2020-01-01\n" * 30, "is no number", "that is a date"),
    "open quote": (PLAIN.replace("1910,", '"1910,'), "is no CSV", "quotes"),
    "NUL": (PLAIN.replace("1910", "19\x0010"), "NUL bytes", "UTF-8"),
    "JSON": ('{"year": [1, 2]}', "it is JSON", "as CSV"),
    "a page": ("<!doctype html>", "it is HTML", "not the page"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_shape_is_refused(tmp_path: Path, name: str) -> None:
    content, what, todo = CASES[name]
    error = refusal(tmp_path, content)
    assert what in error.what
    assert todo in (error.todo or "")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (gzip.compress(PLAIN.encode()), "gzip"),
        (b"PK\x03\x04" + bytes(100), "workbook of Excel"),
        (PLAIN.replace("mean", "médiane").encode("latin-1"), "not UTF-8 (byte 0xe9)"),
        (PLAIN.encode("utf-16-le"), "NUL bytes"),
        (b"x\n" + b"1" * (2**20 + 2), "a line of"),
        (b"x\n" + b"1\n2\n" * (MOST // 2 + 2), f"more than {MOST} values"),
    ],
    ids=["gzip", "xlsx", "latin-1", "utf-16 without a mark", "long line", "ten million"],
)
def test_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in refusal(tmp_path, content).what


def test_three_places_are_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, PLAIN.replace("3.5", "NA"))
    lines = [n for n, year in enumerate(YEARS, 2) if year % 7 == 3]
    assert error.where == f"{tmp_path / 'data.csv'}:{lines[0]}"
    assert f"(also line {lines[1]} ('NA'), line {lines[2]} ('NA'))" in error.what


def test_time_that_goes_back_is_told_as_it_stands_if_asked_for(tmp_path: Path) -> None:
    lines = PLAIN.splitlines()
    file = data(tmp_path, "\n".join([lines[0], *reversed(lines[1:])]))
    assert read_column(file, "", Form(unsorted=True)) == VALUES[::-1]


def test_months_and_other_measures_may_go_up_and_down(tmp_path: Path) -> None:
    rows = "".join(f"{month},{month * 2}\n" for _ in range(3) for month in range(1, 13))
    assert len(read_column(data(tmp_path, f"month,x\n{rows}"))) == 36


@given(
    st.lists(st.lists(st.text("0123456789.,;-+eE \"'#_x\t", max_size=6), max_size=4), max_size=40)
)
def test_whatever_is_read_is_what_stands_there(
    tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
) -> None:
    """No row is left out, added or shifted: or the file is refused."""
    file = tmp_path_factory.getbasetemp() / "any.csv"
    rows = [",".join(row) for row in cells]
    file.write_text("\n".join(["a,b", *(f"{n},{n + 1}" for n in range(25)), *rows]) + "\n")
    try:
        values = read_column(file)
    except SeriesError as error:
        assert error.todo
        return
    meant = [row.split(",") for row in rows if row.strip(", \t\"'")]
    assert values[:25] == tuple(float(n + 1) for n in range(25))
    assert len(values) == 25 + len(meant)
