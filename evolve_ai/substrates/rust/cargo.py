"""Talks to cargo: its command lines, and what its messages say of which crate."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve_ai.substrates.rust.machine import ending, is_starved
from evolve_ai.substrates.rust.policy import GENERATED_PREFIX
from evolve_ai.system.commands import Completed

_UNIT_PATH = re.compile(rf"{GENERATED_PREFIX}(?:unit|kernel)_[0-9a-f]+")
_NOT_COMPILED = re.compile(r"could not compile `([A-Za-z0-9_-]+)`")
_OWN_FILE = re.compile(r"(?:^|/)(src/(?:genes|kernel)/[^:]+\.rs|src/main\.rs)$")
_NO_REASON = ("could not compile", "aborting due to", "build failed", "warning: ")
_MOST_LINES = 8
# A compiled crate that is torn, missing or of another compiler: no gene can cause these.
TORN = frozenset({"E0460", "E0461", "E0462", "E0463", "E0514", "E0786"})


def build_argv(cargo: Path, manifest: Path, package: str) -> tuple[str, ...]:
    return (
        str(cargo),
        "build",
        "--manifest-path",
        str(manifest),
        "--release",
        "--offline",
        "--locked",
        "--keep-going",
        "--message-format=json",
        "--package",
        package,
    )


def control_argv(rustc: Path, source: Path) -> tuple[str, ...]:
    """A program of its own, made as those of agents are: optimised, in threads, and linked."""
    options = ("--edition", "2021", "-C", "opt-level=2", "-C", "codegen-units=4")
    return (str(rustc), *options, "-o", str(source.with_suffix("")), str(source))


@dataclass(frozen=True, slots=True)
class CompilerError:
    """One error of the compiler: the file in the agent's folder, the line, one sentence."""

    file: str | None
    line: int
    text: str

    def sentence(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.file else self.text


@dataclass(slots=True)
class CargoReport:
    """What one run of cargo said: crates made, errors by crate, the program if it came to be."""

    made: set[str] = field(default_factory=set)
    errors: dict[str, list[CompilerError]] = field(default_factory=dict)
    program: Path | None = None
    torn: bool = False  # something compiled earlier cannot be read
    # Errors in no file, by crate, as they are shown to a user.
    unplaced: dict[str, list[str]] = field(default_factory=dict)

    def hear(self, line: bytes) -> None:
        """Take one line of cargo's JSON; anything else is passed over."""
        try:
            message = json.loads(line)
        except ValueError:
            return
        if not isinstance(message, dict):
            return
        name = str(message.get("target", {}).get("name"))
        if message.get("reason") == "compiler-artifact":
            self.made.add(name)
            if message.get("executable"):
                self.program = Path(message["executable"])
        elif message.get("reason") == "compiler-message":
            self._hear_compiler(name, message["message"])

    def _hear_compiler(self, name: str, message: Mapping[str, Any]) -> None:
        if not str(message.get("level", "")).startswith("error"):
            return
        text = _UNIT_PATH.sub("crate", str(message.get("message", "")))
        if text.startswith("aborting due to"):
            return
        code = (message.get("code") or {}).get("code")
        if code in TORN:
            self.torn = True
            return
        shown = f"error[{code}]: {text}" if code else f"error: {text}"
        file, line = _place(message.get("spans", ()))
        if file is None or is_starved(text):
            self.unplaced.setdefault(name, []).append(str(message.get("rendered") or text))
        first = shown.splitlines()[0]
        self.errors.setdefault(name, []).append(CompilerError(file, line, first))

    def reason(self, crate: str) -> str | None:
        """The first error in the files of this crate, and how many more there are; or None.

        What fails for want of memory fails today only: it is no error of the files.
        """
        if any(map(is_starved, self.unplaced.get(crate, ()))):
            return None
        placed = [error for error in self.errors.get(crate, ()) if error.file]
        if not placed:
            return None
        more = f" (and {len(placed) - 1} more)" if len(placed) > 1 else ""
        return placed[0].sentence() + more


def said_of_no_place(report: CargoReport, done: Completed) -> str:
    """How cargo ended, and all that was said of no place in a gene file: linkers speak there."""
    told = done.stderr.decode("utf-8", "replace").strip()
    unplaced = (text for texts in report.unplaced.values() for text in texts)
    return "\n".join([f"cargo: {ending(done.code)}", told, *unplaced])


def first_error(report: CargoReport, stderr: str) -> str:
    """The first error that says what is wrong: no warning, and not that there were errors."""
    for errors in report.errors.values():
        if errors and (found := _real(errors[0].sentence())):
            unplaced = next(iter(report.unplaced.values()), [found])
            return found if errors[0].file else _few_lines(unplaced[0])
    lines = stderr.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("error") and _real(line):
            return _few_lines("\n".join(lines[number:]))
    return _few_lines(stderr) or "it says nothing"


def _real(line: str) -> str | None:
    return None if any(words in line for words in _NO_REASON) else line


def _few_lines(text: str) -> str:
    """The beginning of an error, but for the words of the command that failed."""
    lines = [line.strip()[:200] for line in text.splitlines() if line.strip(" |")]
    said = [line for line in lines if not line.startswith("= note: LC_ALL") and '"-Wl,' not in line]
    return "\n  ".join(said[:_MOST_LINES])


def not_compiled(stderr: str) -> set[str]:
    """The crates that cargo says it could not compile."""
    return set(_NOT_COMPILED.findall(stderr))


def _place(spans: Iterable[Mapping[str, Any]]) -> tuple[str | None, int]:
    """Where in the agent's own files an error is, looking out of macros when it is inside one."""
    for span in sorted(spans, key=lambda span: not span.get("is_primary")):
        at: Mapping[str, Any] | None = span
        while at is not None:
            found = _OWN_FILE.search(str(at.get("file_name", "")).replace("\\", "/"))
            if found:
                return found.group(1), int(at.get("line_start", 0))
            at = (at.get("expansion") or {}).get("span")
    return None, 0
