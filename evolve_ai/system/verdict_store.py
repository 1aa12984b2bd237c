"""Caches audit verdicts on gene code, by content and policy."""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from evolve_ai.model.report import Finding, Severity, SourceReport

_TABLE = """
CREATE TABLE IF NOT EXISTS verdicts (
    policy TEXT, code TEXT, report TEXT, digest TEXT, PRIMARY KEY (policy, code)
) WITHOUT ROWID
"""
_FIND = "SELECT code, report, digest FROM verdicts WHERE policy = ? AND code IN ({})"
_KEEP = "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?)"
_AT_ONCE = 500  # values in one query; SQLite allows more
_MOST = 100_000  # verdicts; beyond that, those of other policies are deleted
_FORGET = "DELETE FROM verdicts WHERE policy != ? AND (SELECT count(*) FROM verdicts) > ?"


class VerdictStore:
    """A file beside the code. A problem with it costs only time: then no verdict is known.

    A read-only store does not write. Use as a context manager.
    """

    def __init__(self, file: Path, policy: str, *, looks_only: bool = False):
        self._file = file
        self._policy = policy
        self._looks_only = looks_only
        self._open: sqlite3.Connection | None = None

    def __enter__(self) -> "VerdictStore":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def get(self, paths: Mapping[str, str]) -> dict[str, SourceReport]:
        """The known verdicts on these codes (SHA-256 -> path of the file), by SHA-256."""
        found: dict[str, SourceReport] = {}
        codes = list(paths)
        with suppress(sqlite3.Error, OSError):
            connection = self._connected()
            for at in range(0, len(codes), _AT_ONCE):
                some = codes[at : at + _AT_ONCE]
                marks = ",".join("?" * len(some))
                rows = connection.execute(_FIND.format(marks), (self._policy, *some))
                for code, text, digest in rows:
                    if digest == self._digest(code, text):
                        found[code] = _report(paths[code], code, json.loads(text))
        return found

    def put(self, reports: Iterable[SourceReport]) -> None:
        said = [(report.code, _text(report)) for report in reports]
        rows = [(self._policy, code, text, self._digest(code, text)) for code, text in said]
        if not rows or self._looks_only:
            return
        try:
            with self._connected() as connection:
                connection.execute(_TABLE)
                connection.executemany(_KEEP, rows)
                connection.execute(_FORGET, (self._policy, _MOST))
        except (sqlite3.DatabaseError, OSError) as error:
            self._close()
            if type(error) is sqlite3.DatabaseError:  # not a database, or a damaged one
                self._file.unlink(missing_ok=True)

    def _connected(self) -> sqlite3.Connection:
        if self._open is None:
            mode = "ro" if self._looks_only else "rwc"
            if not self._looks_only:
                self._file.parent.mkdir(parents=True, exist_ok=True)
            self._open = sqlite3.connect(f"{self._file.resolve().as_uri()}?mode={mode}", uri=True)
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            with closing(self._open):
                self._open = None

    def _digest(self, code: str, text: str) -> str:
        """A checksum of a row, since the file may be damaged or come from elsewhere by mistake."""
        return hashlib.sha256(f"{self._policy}\n{code}\n{text}".encode()).hexdigest()


def _text(report: SourceReport) -> str:
    findings = [[one.rule, one.severity, one.line, one.column, one.text] for one in report.findings]
    numbers = [report.functions, report.complexity, report.lines]
    names = [report.genes, report.traits, report.uses]
    return json.dumps([*names, *numbers, report.syntax_error, findings])


def _report(path: str, code: str, said: list[Any]) -> SourceReport:
    genes, traits, uses, functions, complexity, lines, syntax_error, findings = said
    return SourceReport(
        path,
        code,
        tuple(genes),
        tuple(traits),
        tuple(uses),
        functions,
        complexity,
        lines,
        syntax_error,
        tuple(
            Finding(rule, Severity(severity), line, column, text)
            for rule, severity, line, column, text in findings
        ),
    )
