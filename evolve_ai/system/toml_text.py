"""Reads TOML that a person wrote, and says where in it a mistake is."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from pydantic_core import ErrorDetails
from tomlkit.exceptions import ParseError, TOMLKitError

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.setting import without_passwords

COMMAND_LINE = "command line"
TODO = "docs/settings.md lists every key with its range"
MOST = 20  # mistakes that are reported
_LONG = 3000  # lines: in a longer file, parsing to find the line of a key would take too long
_BARE = re.compile(r"[A-Za-z_./][^\s\"'\[\]{}=,#]*")

Location = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class WrongKey:
    """One mistake; `line` counts from 1, and is None where no line is to blame."""

    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.key} {self.message}" if self.key else f"{place}{self.message}"


def parsed(text: str, where: str | Path, todo: str = TODO) -> dict[str, Any]:
    """The document in this text. SettingsError, with the line, for what is not TOML."""
    try:
        return toml_document(text)
    except ParseError as error:
        reason = str(error).split(" at line ")[0]
        if "\\x00" in reason:
            reason = "it ends in the middle of a statement"
        raise refusal(
            [WrongKey("", f"not TOML: {reason}", error.line)], where, todo=todo
        ) from error
    except (TOMLKitError, ValueError, RecursionError) as error:  # huge numbers, deep nesting
        raise refusal([WrongKey("", f"not TOML: {error}")], where, todo=todo) from error


def line_of(text: str, location: Location) -> int | None:
    """The line (from 1) where the statement begins that gives the value at this location.

    A TOML statement ends with the shortest run of lines that parses and has the value, and begins
    after the longest earlier run that parses.
    """
    lines = text.splitlines(keepends=True)
    if len(lines) > _LONG:
        return _line_that_names(lines, location)
    wanted = _existing(_prefix(lines), location)
    if not wanted:
        return None
    whole = 0
    for count in range(1, len(lines) + 1):
        document = _prefix(lines[:count])
        if document is None:
            continue
        if _existing(document, wanted) == wanted:
            return whole + 1
        whole = count
    return None


def toml_document(text: str) -> dict[str, Any]:
    """Parse with tomllib; after a mistake with tomlkit, which knows its line but is slow (20:1)."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        unwrapped: dict[str, Any] = tomlkit.parse(text).unwrap()
        return unwrapped


def _line_that_names(lines: Sequence[str], location: Location) -> int | None:
    """The first line that sets a key of this name, or begins its table."""
    names = [re.escape(step) for step in location if isinstance(step, str)]
    if not names:
        return None
    given = re.compile(rf"""\s*\[*\s*(?:[\w."'-]+\.)?["']?{names[-1]}["']?\s*[=\].]""")
    return next((at for at, line in enumerate(lines, 1) if given.match(line)), None)


def refusal(
    problems: Sequence[WrongKey], where: str | Path, count: int = 1, todo: str = TODO
) -> SettingsError:
    """The error that lists the first of `count` mistakes."""
    if len(problems) > 1:
        listed = "\n".join(f"  {problem}" for problem in problems)
        more = f"\n  … and {count - len(problems)} more" if count > len(problems) else ""
        return SettingsError(f"{count} problems\n{listed}{more}", where=where, todo=todo)
    problem = problems[0]
    place = f"{where}:{problem.line}" if problem.line else where
    text = str(WrongKey(problem.key, problem.message))
    return SettingsError(text, where=place, todo=todo)


def _prefix(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("".join(lines))
    except (ValueError, RecursionError):
        return None


def _existing(document: Any, location: Location) -> Location:
    """The longest prefix of a location that exists."""
    found: list[int | str] = []
    for step in location:
        if isinstance(document, list):
            there = isinstance(step, int) and step < len(document)
        else:
            there = isinstance(document, Mapping) and step in document
        if not there:
            break
        document = document[step]
        found.append(step)
    return tuple(found)


def assignment(override: str, example: str = "cycle.ticks=20", todo: str = TODO) -> dict[str, Any]:
    shown = without_passwords(override)
    key, equals, value = override.partition("=")
    if not equals or "\n" in override:
        raise SettingsError(
            f"{shown!r} is no assignment",
            where=COMMAND_LINE,
            todo=f"write KEY=VALUE: {example}",
        )
    for text in (override, f"{key}={json.dumps(value.strip())}"):
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            reason = error
        if not _BARE.fullmatch(value.strip()):
            break
    raise SettingsError(f"{shown!r} is not TOML: {reason}", where=COMMAND_LINE, todo=todo)


def merge(document: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        inner = document.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            merge(inner, value)
        else:
            document[key] = value


def dotted(location: Location) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown_value(detail: ErrorDetails) -> str:
    text = without_passwords(json.dumps(detail["input"], default=str))
    return text if len(text) <= 80 else f"{text[:77]}..."
