"""Describes the settings key by key, for messages, documentation and new projects."""

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from evolve_ai.model.family_settings import FAMILIES, MEANINGS, OPTIONS
from evolve_ai.model.setting import CALLABLE_FORM, VERSION_FORM
from evolve_ai.model.settings import Settings

HOOKS = "hooks"
CRATES = "crates"
# Tables whose keys the user chooses, with the form of their values.
FREE = {HOOKS: f"a list of {CALLABLE_FORM}", CRATES: VERSION_FORM}
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    dict: "a table",
}


@dataclass(frozen=True, slots=True)
class KeyReference:
    """One key. `default` is in TOML, "" when there is none; `allowed` is in words."""

    table: str
    key: str
    kind: str
    default: str
    unit: str
    allowed: str
    meaning: str
    member: str = ""  # the member of a family of plug-ins that has this option

    @property
    def path(self) -> str:
        return f"{self.table}.{self.key}" if self.table else self.key

    def suits(self, member: str) -> bool:
        """Is it a key of a table that chooses this member? "": of any member."""
        return not member or self.member in ("", member)

    @property
    def expected(self) -> str:
        """What a value must be, in words that can end a sentence."""
        if not self.allowed or self.allowed == self.kind:
            return self.kind
        return f"{self.kind} in {self.allowed}" if ".." in self.allowed else self.allowed


@dataclass(frozen=True, slots=True)
class TableReference:
    """One table of evolve.toml ("" for the keys above the first table), with its keys."""

    table: str
    meaning: str
    keys: tuple[KeyReference, ...]


@cache
def tables() -> tuple[TableReference, ...]:
    """All tables and keys, in the order of the models."""
    top: list[KeyReference] = []
    below: list[TableReference] = []
    for name, field in Settings.model_fields.items():
        section = _section(field.annotation)
        if name in OPTIONS:
            below.append(TableReference(name, MEANINGS[name], tuple(_options(name))))
        elif section is not None:
            keys = tuple(key_of(name, key, info) for key, info in section.model_fields.items())
            below.append(TableReference(name, _first_line(section), keys))
        elif name in FREE:
            below.append(TableReference(name, field.description or "", ()))
        else:
            top.append(key_of("", name, field))
    return TableReference("", _first_line(Settings), tuple(top)), *below


def _options(family: str) -> Iterator[KeyReference]:
    """`name`, then the options of each built-in member, those of the default member first."""
    for at, member in enumerate(OPTIONS[family]):
        known = keys_of_member(family, member)
        yield from (known if at == 0 else known[1:])


def keys_of_member(family: str, member: str) -> list[KeyReference]:
    """The keys of a built-in member of a family, `name` first."""
    model = FAMILIES[family][member]
    keys = [key_of(family, key, info) for key, info in model.model_fields.items()]
    return [key if key.key == "name" else replace(key, member=member) for key in keys]


def every_key() -> Iterator[KeyReference]:
    for table in tables():
        yield from table.keys


def find(path: str) -> KeyReference | None:
    return next((key for key in every_key() if key.path == path), None)


def nearest(table: str, key: str, member: str = "") -> str | None:
    """The path of the key that a user who wrote `key` in `table` most likely meant, or None.

    `member`: the member of a family that the table chooses; options of others are none of its keys.
    """
    others = {one.path for one in every_key() if one.table == table and not one.suits(member)}
    everywhere = {one.key: one.path for one in every_key() if one.path not in others}
    if key in everywhere:
        return everywhere[key]
    near = list(siblings(table, member))
    near += [known.table for known in tables() if known.table and not table]
    close = difflib.get_close_matches(key, near, 1)
    if close:
        return f"{table}.{close[0]}" if table else close[0]
    close = difflib.get_close_matches(key, list(everywhere), 1, cutoff=0.75)
    return everywhere[close[0]] if close else None


def siblings(table: str, member: str = "") -> Sequence[str]:
    return [one.key for one in every_key() if one.table == table and one.suits(member)]


def members_with(table: str, key: str) -> Sequence[str]:
    """The members of a family that have this option."""
    return [one.member for one in every_key() if (one.table, one.key) == (table, key)]


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model of a table or of an array of tables."""
    candidates = (annotation, *get_args(annotation))
    models = (c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return next(models, None)


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").splitlines()[0]


def key_of(table: str, name: str, field: FieldInfo) -> KeyReference:
    """The documentation that a field of a model carries."""
    extra = field.json_schema_extra
    words = extra if isinstance(extra, dict) else {}
    base = dict if isinstance(field.default, dict) else _base(field.annotation)
    return KeyReference(
        table=table,
        key=name,
        kind=_WORDS.get(base, "a list") if base else "text",
        default=_toml(field.default),
        unit=str(words.get("unit", "")),
        allowed=str(words.get("form", ""))
        or _range(field)
        or ("text", "true or false")[base is bool],
        meaning=field.description or "",
    )


def _base(annotation: Any) -> type | None:
    if isinstance(annotation, type):
        return annotation
    first = next(iter(get_args(annotation)), None)
    return tuple if annotation is not None and str(annotation).startswith("tuple") else type(first)


def _range(field: FieldInfo) -> str:
    low = next((m.ge for m in field.metadata if isinstance(m, Ge)), None)
    high = next((m.le for m in field.metadata if isinstance(m, Le)), None)
    return "" if low is None and high is None else f"{_number(low)}..{_number(high)}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _toml(value: Any) -> str:
    if value is PydanticUndefined or value is ...:
        return ""
    return json.dumps(list(value) if isinstance(value, tuple) else value)
