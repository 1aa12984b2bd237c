"""Reads evolve.toml, and reports each mistake with its line and the nearest valid key."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from tomlkit.exceptions import ParseError, TOMLKitError

from evolve_ai.model import settings_reference
from evolve_ai.model.errors import NoProjectError, SettingsError
from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.setting import without_passwords
from evolve_ai.model.settings import Settings
from evolve_ai.system.old_settings import modernised
from evolve_ai.system.project import SETTINGS_FILE

FILE_NAME = SETTINGS_FILE
COMMAND_LINE = "command line"
_TODO = "docs/settings.md lists every key with its range"
_MOST = 20  # mistakes that are reported
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


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read and check a settings file, with the overrides of the command line. Both may use old
    forms.

    Raises NoProjectError when there is no file, SettingsError with all mistakes at once.
    """
    return apply_overrides(parse_settings(_read(path), path), overrides)


def parse_settings(text: str, where: str | Path = FILE_NAME) -> Settings:
    try:
        document = _document(text)
    except ParseError as error:
        reason = str(error).split(" at line ")[0]
        if "\\x00" in reason:
            reason = "it ends in the middle of a statement"
        raise _refusal([WrongKey("", f"not TOML: {reason}", error.line)], where) from error
    except (TOMLKitError, ValueError, RecursionError) as error:  # huge numbers, deep nesting
        raise _refusal([WrongKey("", f"not TOML: {error}")], where) from error
    try:
        return Settings.model_validate(modernised(document)[0])
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_problem(one, line_of(text, _written(one["loc"]))) for one in details[:_MOST]]
        found.sort(key=lambda problem: problem.line or 0)
        raise _refusal(found, where, len(details)) from error


def apply_overrides(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Settings with assignments such as `cycle.ticks=20` applied; the last one wins.

    Values are TOML; a bare word that is not TOML stands for itself (`selection=none`).
    """
    if not overrides:
        return settings
    document = settings.model_dump(mode="python")
    for override in overrides:
        assigned = modernised(_assignment(override))[0]
        _let_go_of_others(document, assigned)
        _merge(document, assigned)
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_problem(detail, None) for detail in details[:_MOST]]
        raise _refusal(found, COMMAND_LINE, len(details)) from error


def old_forms(path: Path) -> tuple[str, ...]:
    """The outdated spellings in a settings file, each with the present one."""
    return modernised(_document(_read(path)))[1]


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


def _document(text: str) -> dict[str, Any]:
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors write a byte order mark
    except FileNotFoundError as error:
        raise NoProjectError(
            f"there is no {path.name} here",
            where=path.parent,
            todo="`evolve new DIR` makes a project; --project DIR names another one",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _refusal([WrongKey("", "bytes that are not UTF-8", line)], path) from error
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=path) from error


def _refusal(problems: Sequence[WrongKey], where: str | Path, count: int = 1) -> SettingsError:
    """The error that lists the first of `count` mistakes."""
    if len(problems) > 1:
        listed = "\n".join(f"  {problem}" for problem in problems)
        more = f"\n  … and {count - len(problems)} more" if count > len(problems) else ""
        return SettingsError(f"{count} problems\n{listed}{more}", where=where, todo=_TODO)
    problem = problems[0]
    place = f"{where}:{problem.line}" if problem.line else where
    text = str(WrongKey(problem.key, problem.message))
    return SettingsError(text, where=place, todo=_TODO)


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


def _assignment(override: str) -> dict[str, Any]:
    shown = without_passwords(override)
    key, equals, value = override.partition("=")
    if not equals or "\n" in override:
        raise SettingsError(
            f"{shown!r} is no assignment",
            where=COMMAND_LINE,
            todo="write KEY=VALUE: cycle.ticks=20",
        )
    for text in (override, f"{key}={json.dumps(value.strip())}"):
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            reason = error
        if not _BARE.fullmatch(value.strip()):
            break
    raise SettingsError(f"{shown!r} is not TOML: {reason}", where=COMMAND_LINE, todo=_TODO)


def _let_go_of_others(document: dict[str, Any], assigned: Mapping[str, Any]) -> None:
    """Drop the options of a plug-in when an override chooses another one of its family."""
    for family in OPTIONS.keys() & assigned.keys():
        known, now = document.get(family), assigned[family]
        both = isinstance(known, dict) and isinstance(now, Mapping)
        if both and now.get("name", known["name"]) != known["name"]:  # type: ignore[index]
            del document[family]


def _merge(document: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        inner = document.get(key)
        if isinstance(inner, dict) and isinstance(value, dict):
            _merge(inner, value)
        else:
            document[key] = value


def _problem(detail: ErrorDetails, line: int | None) -> WrongKey:
    location = _written(tuple(step for step in detail["loc"] if step != "[key]"))
    return WrongKey(_dotted(location), _message(detail, location), line)


def _written(location: Location) -> Location:
    """A location as in the file, which has no key for the kind of a family's member."""
    if not location or location[0] not in OPTIONS:
        return location
    kind = 2 if location[0] == "sinks" else 1
    return (*location[:kind], *location[kind + 1 :])


def _dotted(location: Location) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _message(detail: ErrorDetails, location: Location) -> str:
    names = [step for step in location if isinstance(step, str)]
    if detail["type"] == "extra_forbidden":
        return _unknown(names, _member(detail["loc"]))
    known = settings_reference.find(".".join(names))
    if detail["type"] == "missing":
        return f"is missing: {known.meaning if known else 'it has no default'}"
    if detail["type"] == "value_error":
        reason = detail["msg"].removeprefix("Value error, ")
        whole_table = isinstance(detail["input"], Mapping)
        return f"cannot be: {reason}" if whole_table else f"is {_shown(detail)}; it {reason}"
    expected = known.expected if known else "a table"
    if len(names) > 1 and not known:
        expected = settings_reference.FREE[names[0]]
    return f"is {_shown(detail)}; it must be {expected}"


def _shown(detail: ErrorDetails) -> str:
    text = without_passwords(json.dumps(detail["input"], default=str))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _member(location: Location) -> str:
    """The built-in member of a family whose options are at this location, or ""."""
    if not location or location[0] not in OPTIONS:
        return ""
    return next((str(one) for one in location[1:] if one in OPTIONS[str(location[0])]), "")


def _unknown(names: Sequence[str], member: str) -> str:
    table = ".".join(names[:-1])
    others = settings_reference.members_with(table, names[-1]) if member else ()
    if others:
        has = "has it" if len(others) == 1 else "have it"
        return f"is unknown to {member!r}; {' and '.join(map(repr, others))} {has}"
    meant = settings_reference.nearest(table, names[-1], member)
    if meant:
        hint = "" if "." in meant or not table else ", above the first table"
        return f"is unknown; did you mean {meant}{hint}?"
    return f"is unknown; there are {', '.join(_names(table, member))}"


def _names(table: str, member: str) -> Iterator[str]:
    yield from settings_reference.siblings(table, member)
    if not table:
        yield from (known.table for known in settings_reference.tables() if known.table)
