"""A program of one line, built as those of agents are; and the first error that says something."""

import json
import os
from pathlib import Path

import pytest
from rust_support import BoxedRust, boxed

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.area import TRIAL
from evolve_ai.substrates.rust.cargo import CargoReport, first_error

NOISE = (
    "warning: unused variable: `x`\n"
    "error: could not compile `alpha` (lib) due to 1 previous error; 2 warnings emitted\n"
    "warning: build failed, waiting for other jobs to finish...\n"
)


def test_one_line_is_built_and_run(tmp_path: Path) -> None:
    told = BoxedRust().trial(tmp_path / "trial", boxed)
    assert told.startswith("one line is compiled, linked and run in ")
    again = BoxedRust().trial(tmp_path / "trial", boxed)
    assert again.startswith("one line is compiled")


def test_linker_that_fails_is_quoted_and_not_that_something_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    linker = tools / "cc"
    linker.write_text("#!/bin/sh\necho 'ld: cannot find -lfoo: No such file' >&2\nexit 1\n")
    linker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")

    def open_to_tools() -> object:
        return boxed().__class__(boxed().program, (tools,))

    with pytest.raises(ToolchainError) as caught:
        BoxedRust().trial(tmp_path / "trial", open_to_tools)  # type: ignore[arg-type]
    assert "linking with `cc` failed" in caught.value.what
    assert "cannot find -lfoo" in caught.value.what
    assert "could not compile" not in caught.value.what
    assert '"-Wl,' not in caught.value.what
    assert "install a C compiler" in str(caught.value.todo)
    linker.unlink()  # what the remedy comes to
    assert BoxedRust().trial(tmp_path / "trial", boxed)


def message(level: str, text: str, *, file: str | None = None, code: str | None = None) -> bytes:
    spans = [{"file_name": file, "line_start": 3, "is_primary": True}] if file else []
    told = {"level": level, "message": text, "spans": spans, "code": code and {"code": code}}
    told["rendered"] = f"{level}: {text}\n   |\n   = note: because\n"
    return json.dumps(
        {"reason": "compiler-message", "target": {"name": TRIAL}, "message": told}
    ).encode()


def report(*lines: bytes) -> CargoReport:
    found = CargoReport()
    for line in lines:
        found.hear(line)
    return found


def test_first_error_is_no_warning_and_not_that_there_was_one() -> None:
    told = report(
        message("warning", "unused variable"),
        message("error", "mismatched types", file="src/main.rs", code="E0308"),
        message("error", "aborting due to 1 previous error"),
    )
    assert first_error(told, NOISE) == "src/main.rs:3: error[E0308]: mismatched types"


def test_error_of_no_file_is_shown_with_its_notes() -> None:
    told = report(message("error", "linking with `cc` failed: exit status: 1"))
    assert first_error(told, NOISE).splitlines() == [
        "error: linking with `cc` failed: exit status: 1",
        "  = note: because",
    ]


def test_what_cargo_itself_says_is_shown_with_its_causes() -> None:
    stderr = NOISE + (
        "error: failed to join paths from `$LD_LIBRARY_PATH` together\n\nCaused by:\n"
        "  path segment contains separator `:`\n"
    )
    told = first_error(report(), stderr)
    assert told.startswith("error: failed to join paths")
    assert "path segment contains separator" in told


def test_words_without_an_error_are_better_than_none() -> None:
    assert first_error(report(), "") == "it says nothing"
    assert first_error(report(), "Killed\n") == "Killed"
