"""Tests of the store of verdicts: what it knows is right, and damage costs time only."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evolve_ai.model.report import Finding, Severity, SourceReport
from evolve_ai.system.verdict_store import VerdictStore

FINDINGS = (
    Finding("std-path", Severity.ERROR, 3, 7, "`std::fs` is not allowed"),
    Finding("address", Severity.WARNING, 4, 1, "\u00fc"),
)
CODE = "0" * 64
REPORT = SourceReport("src/genes/a.rs", CODE, ("f",), ("t",), ("b",), 2, 3, 4, findings=FINDINGS)
BROKEN = SourceReport("src/genes/b.rs", "1" * 64, (), (), (), 0, 0, 1, "line 1: no Rust")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store" / "verdicts.sqlite"


def kept(file: Path, *reports: SourceReport, policy: str = "p") -> None:
    with VerdictStore(file, policy) as store:
        store.put(reports)


def known(
    file: Path, *reports: SourceReport, policy: str = "p", looks_only: bool = False
) -> dict[str, SourceReport]:
    with VerdictStore(file, policy, looks_only=looks_only) as store:
        return store.get({report.code: report.path for report in reports})


def test_what_is_kept_comes_back_whole(file: Path) -> None:
    kept(file, REPORT, BROKEN)
    assert known(file, REPORT, BROKEN) == {REPORT.code: REPORT, BROKEN.code: BROKEN}
    assert known(file, REPORT)[CODE].audit_error == REPORT.audit_error


def test_path_is_that_of_who_asks(file: Path) -> None:
    kept(file, REPORT)
    other = replace(REPORT, path="src/genes/z.rs")
    assert known(file, other) == {CODE: other}


def test_verdict_counts_for_its_policy_only(file: Path) -> None:
    kept(file, REPORT)
    assert known(file, REPORT, policy="q") == {}
    kept(file, replace(REPORT, findings=()), policy="q")
    assert known(file, REPORT)[CODE].findings == FINDINGS
    assert known(file, REPORT, policy="q")[CODE].findings == ()


def test_read_only_builder_reads_and_leaves_no_trace(file: Path) -> None:
    assert known(file, REPORT, looks_only=True) == {}
    assert not file.parent.exists()
    kept(file, REPORT)
    before = file.read_bytes()
    with VerdictStore(file, "p", looks_only=True) as store:
        store.put([BROKEN])
        assert store.get({CODE: REPORT.path}) == {CODE: REPORT}
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


def altered(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE verdicts SET report = replace(report, 'error', 'warning')")
    connection.close()


def of_other_code(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE verdicts SET code = ?", (BROKEN.code,))
    connection.close()


def no_database(file: Path) -> None:
    file.write_bytes(b"what is this" * 1000)


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("spoil", [altered, of_other_code, no_database, torn, empty])
def test_damage_is_never_a_verdict_and_mends_itself(
    file: Path, spoil: Callable[[Path], None]
) -> None:
    kept(file, REPORT)
    spoil(file)
    assert known(file, REPORT, BROKEN) == {}
    kept(file, REPORT)  # finds the damage
    kept(file, REPORT)
    assert known(file, REPORT) == {CODE: REPORT}


def test_folder_that_refuses_costs_no_more_than_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept(tmp_path / "file" / "verdicts.sqlite", REPORT)
    assert known(tmp_path / "file" / "verdicts.sqlite", REPORT) == {}


def test_very_many_are_asked_for_at_once(file: Path) -> None:
    reports = [replace(BROKEN, code=f"{number:064x}") for number in range(1200)]
    kept(file, *reports)
    assert len(known(file, *reports)) == 1200
