"""Translates outdated settings into present ones, with a hint about each."""

from collections.abc import Mapping
from typing import Any

# Old table -> the family whose table has its keys now.
_TABLES = {"series": "environment", "founders": "variation", "birth": "variation"}
_FAMILIES = ("environment", "selection", "variation", "substrate", "executor")
_TALK = ("speak", "listen")  # genes of the default template that `founders.talk` controlled


def modernised(document: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings in present form, and a hint for each old form that was found.

    Anything that is no old form is left unchanged, even if it is wrong.
    """
    found, hints = dict(document), []
    for family in _FAMILIES:
        if isinstance(found.get(family), str):
            hints.append(f'{family} = "{found[family]}" is now [{family}] name = "{found[family]}"')
            found[family] = {"name": found[family]}
    for old, now in _TABLES.items():
        if isinstance(found.get(old), Mapping):
            _move(found, old, now)
            hints.append(f"[{old}] is now [{now}]")
    cycle = found.get("cycle")
    if isinstance(cycle, Mapping) and "workers" in cycle:
        found["cycle"] = {key: value for key, value in cycle.items() if key != "workers"}
        _join(found, "executor", {"workers": cycle["workers"]})
        hints.append("cycle.workers is now workers in [executor]")
    if isinstance(found.get("webhooks"), list):
        named = [
            {"name": "webhook", **one} if isinstance(one, Mapping) else one
            for one in found.pop("webhooks")
        ]
        found["sinks"] = [*found.get("sinks", []), *named]
        hints.append('[[webhooks]] is now [[sinks]] name = "webhook"')
    return found, tuple(hints)


def _move(found: dict[str, Any], old: str, now: str) -> None:
    table = dict(found.pop(old))
    if old == "series" and _name(found, now) not in (None, "series"):
        return  # belongs to a world that is not chosen
    if old == "founders" and "talk" in table:
        talk = table.pop("talk")
        table["likely"] = dict.fromkeys(_TALK, talk)
    _join(found, now, table)


def _name(found: Mapping[str, Any], family: str) -> Any:
    table = found.get(family)
    return table.get("name") if isinstance(table, Mapping) else None


def _join(found: dict[str, Any], table: str, more: Mapping[str, Any]) -> None:
    known = found.get(table, {})
    found[table] = {**more, **known} if isinstance(known, Mapping) else known
