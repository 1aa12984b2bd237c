"""Reads evolve.toml, and reports each mistake with its line and the nearest valid key."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from evolve_ai.model import settings_reference
from evolve_ai.model.errors import NoProjectError, SettingsError
from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.settings import Settings
from evolve_ai.system.files import read_settings_text
from evolve_ai.system.old_settings import modernised
from evolve_ai.system.project import SETTINGS_FILE
from evolve_ai.system.toml_text import (
    COMMAND_LINE,
    MOST,
    Location,
    WrongKey,
    assignment,
    dotted,
    line_of,
    merge,
    parsed,
    refusal,
    shown_value,
    toml_document,
)

FILE_NAME = SETTINGS_FILE


def load_settings(path: Path, overrides: Sequence[str] = ()) -> Settings:
    """Read and check a settings file, with the overrides of the command line. Both may use old
    forms.

    Raises NoProjectError when there is no file, SettingsError with all mistakes at once.
    """
    return apply_overrides(parse_settings(_read(path), path), overrides)


def parse_settings(text: str, where: str | Path = FILE_NAME) -> Settings:
    document = parsed(text, where)
    try:
        return Settings.model_validate(modernised(document)[0])
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_problem(one, line_of(text, _written(one["loc"]))) for one in details[:MOST]]
        found.sort(key=lambda problem: problem.line or 0)
        raise refusal(found, where, len(details)) from error


def apply_overrides(settings: Settings, overrides: Sequence[str]) -> Settings:
    """Settings with assignments such as `cycle.ticks=20` applied; the last one wins.

    Values are TOML; a bare word that is not TOML stands for itself (`selection=none`).
    """
    if not overrides:
        return settings
    document = settings.model_dump(mode="python")
    for override in overrides:
        assigned = modernised(assignment(override))[0]
        _let_go_of_others(document, assigned)
        merge(document, assigned)
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        details = error.errors(include_url=False)
        found = [_problem(detail, None) for detail in details[:MOST]]
        raise refusal(found, COMMAND_LINE, len(details)) from error


def old_forms(path: Path) -> tuple[str, ...]:
    """The outdated spellings in a settings file, each with the present one."""
    return modernised(toml_document(_read(path)))[1]


def _read(path: Path) -> str:
    try:
        return read_settings_text(path)
    except FileNotFoundError as error:
        raise NoProjectError(
            f"there is no {path.name} here",
            where=path.parent,
            todo="`evolve new DIR` makes a project; --project DIR names another one",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise refusal([WrongKey("", "bytes that are not UTF-8", line)], path) from error
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", where=path) from error


def _let_go_of_others(document: dict[str, Any], assigned: Mapping[str, Any]) -> None:
    """Drop the options of a plug-in when an override chooses another one of its family."""
    for family in OPTIONS.keys() & assigned.keys():
        known, now = document.get(family), assigned[family]
        both = isinstance(known, dict) and isinstance(now, Mapping)
        if both and now.get("name", known["name"]) != known["name"]:  # type: ignore[index]
            del document[family]


def _problem(detail: ErrorDetails, line: int | None) -> WrongKey:
    location = _written(tuple(step for step in detail["loc"] if step != "[key]"))
    return WrongKey(dotted(location), _message(detail, location), line)


def _written(location: Location) -> Location:
    """A location as in the file, which has no key for the kind of a family's member."""
    if not location or location[0] not in OPTIONS:
        return location
    kind = 2 if location[0] == "sinks" else 1
    return (*location[:kind], *location[kind + 1 :])


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
        return f"cannot be: {reason}" if whole_table else f"is {shown_value(detail)}; it {reason}"
    expected = known.expected if known else "a table"
    if len(names) > 1 and not known:
        expected = settings_reference.FREE[names[0]]
    return f"is {shown_value(detail)}; it must be {expected}"


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
