"""Reads task.toml, and reports each mistake with its line and the nearest valid key."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from evolve_ai.model import task_reference
from evolve_ai.model.errors import SettingsError, TaskError
from evolve_ai.model.task_settings import Task
from evolve_ai.system.files import read_settings_text
from evolve_ai.system.task_names import TASK_FILE
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
)

TODO = "docs/tasks.md lists every key with its range"


def load_task(folder: Path, overrides: Sequence[str] = ()) -> Task:
    """The settings of the task in this folder, with assignments such as `search.window=16`.

    Raises TaskError where there is no task.toml, SettingsError with all mistakes at once.
    """
    place = folder / TASK_FILE
    try:
        text = read_settings_text(place)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TaskError(
            f"there is no {TASK_FILE} here",
            where=folder,
            todo="`evolve new DIR --task python` makes a task; docs/tasks.md says what it needs",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise refusal([WrongKey("", "bytes that are not UTF-8", line)], place, todo=TODO) from error
    except OSError as error:
        raise TaskError(f"cannot be read: {error.strerror}", where=place) from error
    return parse_task(text, place, overrides)


def parse_task(text: str, where: str | Path = TASK_FILE, overrides: Sequence[str] = ()) -> Task:
    document = parsed(text, where, TODO)
    task = validated(document, text, where)
    if not overrides:
        return task
    for override in overrides:
        assigned = assignment(override, "search.window=16", TODO)
        for family in task_reference.MEMBERS:  # options of another member mean nothing now
            if isinstance(assigned.get(family), Mapping) and "name" in assigned[family]:
                document.pop(family, None)
        merge(document, assigned)
    return validated(document, "", COMMAND_LINE)


def validated(document: Mapping[str, Any], text: str, where: str | Path) -> Task:
    """The task of this document; `text` ("": none) tells the lines of mistakes. SettingsError."""
    try:
        return Task.model_validate(document)
    except ValidationError as error:
        raise _refused(error, text, where) from error


def _refused(error: ValidationError, text: str, where: str | Path) -> SettingsError:
    details = error.errors(include_url=False)
    found = []
    for detail in details[:MOST]:
        written, member = _place(detail["loc"])
        line = line_of(text, written) if text else None
        found.append(WrongKey(dotted(written), _message(detail, written, member), line))
    found.sort(key=lambda problem: problem.line or 0)
    return refusal(found, where, len(details), TODO)


def _place(location: Location) -> tuple[Location, str]:
    """A location as in the file, which has no key for the kind of a member; and that kind."""
    family = str(location[0]) if location else ""
    if family not in task_reference.MEMBERS:
        return location, ""
    kind = 2 if family == task_reference.PROPOSERS else 1
    if len(location) <= kind:
        return location, ""
    return (*location[:kind], *location[kind + 1 :]), str(location[kind])


def _message(detail: ErrorDetails, written: Location, member: str) -> str:
    steps = [step for step in written if isinstance(step, str)]
    table, key = (steps[0] if len(steps) > 1 else ""), (steps[1] if len(steps) > 1 else "")
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown(table, steps[-1], member)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        words = ", ".join(task_reference.MEMBERS[steps[0]])
        given = detail["input"].get("name") if isinstance(detail["input"], Mapping) else None
        told = f"has the name {given!r}" if given else "has no name"
        return f"{told}; there are {words}"
    if steps == [task_reference.PROPOSERS]:
        return "must be a list of tables: write [[proposers]] above each of them"
    known = task_reference.find(table, key, member) if key else None
    if kind == "missing":
        return f"is missing: {known.meaning if known else 'a table'}"
    if kind == "value_error":
        reason = detail["msg"].removeprefix("Value error, ")
        if isinstance(detail["input"], Mapping):
            return reason
        return f"is {shown_value(detail)}; it {reason}"
    return f"is {shown_value(detail)}; it must be {known.expected if known else 'a table'}"


def _unknown(table: str, key: str, member: str) -> str:
    meant = task_reference.nearest(table, key, member)
    if meant:
        return f"is unknown; did you mean {meant}?"
    return f"is unknown; there are {', '.join(task_reference.names(table, member))}"
