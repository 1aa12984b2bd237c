"""Tests of reading a series: every way in which a CSV file can be wrong."""

import os
from pathlib import Path

import pytest

from evolve_ai.environments.column import SHIPPED, read_column
from evolve_ai.model.errors import SeriesError

NUMBERS = [str(n) for n in range(30)]


def written(tmp_path: Path, lines: list[str], encoding: str = "utf-8", end: str = "\n") -> Path:
    file = tmp_path / "data.csv"
    file.write_bytes(end.join([*lines, ""]).encode(encoding))
    return file


def test_shipped_sunspots_are_whole() -> None:
    values = read_column(SHIPPED)
    assert len(values) == 309
    assert values[0] == 5.0


def test_last_column_is_taken_when_none_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, ["year,x", *(f"{n},{2 * n}" for n in range(30))])
    assert read_column(file) == tuple(2.0 * n for n in range(30))
    assert read_column(file, "year") == tuple(float(n) for n in range(30))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path, end: str) -> None:
    file = written(tmp_path, ["x", *NUMBERS], "utf-8-sig", end)
    assert len(read_column(file, "x")) == 30


def test_blanks_around_and_empty_lines_at_both_ends_do_not_matter(tmp_path: Path) -> None:
    file = written(tmp_path, ["", " x ", *(f" {n} " for n in NUMBERS), "", ""])
    assert len(read_column(file, "x")) == 30


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "the value is missing"),
        ("   ", "the value is missing"),
        ("n/a", "'n/a' is no number"),
        ("nan", "'nan' is no number"),
        ("inf", "'inf' is no number"),
        ("1e300", "'1e300' is no number up to 1e\\+12"),
    ],
)
def test_hole_or_text_is_named_with_its_line(tmp_path: Path, cell: str, reason: str) -> None:
    file = written(tmp_path, ["x", *NUMBERS[:9], cell, *NUMBERS])
    with pytest.raises(SeriesError, match=reason) as error:
        read_column(file)
    assert error.value.where == f"{file}:11"
    assert error.value.todo


def test_line_that_is_too_short_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, ["a,b", *(f"{n},{n}" for n in NUMBERS), "7"])
    with pytest.raises(SeriesError, match="the value is missing") as error:
        read_column(file, "b")
    assert error.value.where == f"{file}:32"


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    file = written(tmp_path, ["note,x", '"two\nlines",1', *(f"n,{n}" for n in NUMBERS), "n,bad"])
    with pytest.raises(SeriesError) as error:
        read_column(file)
    assert error.value.where == f"{file}:34"


def test_missing_column_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    file = written(tmp_path, ["year,spots", *(f"{n},{n}" for n in NUMBERS)])
    with pytest.raises(SeriesError, match="no column 'x'; its columns are year, spots"):
        read_column(file, "x")


def test_short_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="19 values, at least 20"):
        read_column(written(tmp_path, ["x", *NUMBERS[:19]]))


def test_constant_series_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match="one value only"):
        read_column(written(tmp_path, ["x", *["3"] * 50]))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(data)
    with pytest.raises(SeriesError, match="is empty"):
        read_column(tmp_path / "data.csv")


@pytest.mark.parametrize("data", [os.urandom(5000), b"\0" * 5000, b'x\n"' + b"1\n" * 200_000])
def test_binary_or_broken_file_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(data)
    with pytest.raises(SeriesError):
        read_column(tmp_path / "data.csv")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SeriesError, match="cannot be read"):
            read_column(path)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full"])
def test_a_device_is_no_series(device: str) -> None:
    with pytest.raises(SeriesError, match="no regular file"):
        read_column(Path(device))


def test_a_file_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "huge.csv"
    with file.open("wb") as stream:
        stream.truncate(65 * 2**20)
    with pytest.raises(SeriesError, match="65 MiB, at most 64"):
        read_column(file)
