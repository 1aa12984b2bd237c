"""Describes the settings of a task key by key, for messages and documentation."""

import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from evolve_ai.model import archive_settings, proposer_settings, task_settings
from evolve_ai.model.setting import Section
from evolve_ai.model.settings_reference import KeyReference, TableReference, key_of

ARCHIVE, PROPOSERS = "archive", "proposers"
# table -> member -> its options; the first member is the default.
MEMBERS: Mapping[str, Mapping[str, type[Section]]] = {
    ARCHIVE: archive_settings.ARCHIVES,
    PROPOSERS: proposer_settings.PROPOSERS,
}
_TABLES: dict[str, type[Section]] = {
    "program": task_settings.ProgramSettings,
    "evaluate": task_settings.EvaluateSettings,
    "score": task_settings.ScoreSettings,
    "holdout": task_settings.HoldoutSettings,
    "limits": task_settings.LimitSettings,
    "search": task_settings.SearchSettings,
    "budget": task_settings.BudgetSettings,
}
_MEANINGS = {
    ARCHIVE: "Who may be a parent (docs/archives.md).",
    PROPOSERS: "Who makes candidates: `[[proposers]]`, several; none: syntax, constants and "
    "crossover.",
}


@cache
def tables() -> tuple[TableReference, ...]:
    """All tables of task.toml with their keys."""
    plain = [
        TableReference(
            name,
            (model.__doc__ or "").splitlines()[0],
            tuple(key_of(name, key, info) for key, info in model.model_fields.items()),
        )
        for name, model in _TABLES.items()
    ]
    return (*plain, *(_family(name) for name in MEMBERS))


def _family(name: str) -> TableReference:
    keys = []
    for at, (member, model) in enumerate(MEMBERS[name].items()):
        for key, info in model.model_fields.items():
            known = key_of(name, key, info)
            if key == "name":
                if at == 0:
                    words = ", ".join(f'"{one}"' for one in MEMBERS[name])
                    keys.append(replace(known, kind="text", allowed=words, meaning="which member"))
            else:
                keys.append(replace(known, member=member))
    return TableReference(name, _MEANINGS[name], tuple(keys))


def find(table: str, key: str, member: str = "") -> KeyReference | None:
    return next((one for one in _keys(table, member) if one.key == key), None)


def nearest(table: str, key: str, member: str = "") -> str | None:
    """The path of the key or table that a user who wrote `key` in `table` most likely meant."""
    if not table:
        close = difflib.get_close_matches(key, [one.table for one in tables()], 1)
        return close[0] if close else None
    close = difflib.get_close_matches(key, [one.key for one in _keys(table, member)], 1)
    if close:
        return f"{table}.{close[0]}"
    elsewhere = {one.key: one.path for each in tables() for one in each.keys}
    close = difflib.get_close_matches(key, list(elsewhere), 1, cutoff=0.75)
    return elsewhere[close[0]] if close else None


def names(table: str, member: str = "") -> list[str]:
    """Of the keys of a table, or ("") of the tables."""
    return [one.key for one in _keys(table, member)] if table else [one.table for one in tables()]


def _keys(table: str, member: str) -> list[KeyReference]:
    found = (one for each in tables() if each.table == table for one in each.keys)
    return [one for one in found if one.suits(member)]
