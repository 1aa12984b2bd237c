"""`evolve new`: turns a folder into a project, completely or not at all."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from evolve_ai.model import settings_reference
from evolve_ai.model.errors import TemplateError
from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.settings_reference import CRATES, HOOKS, KeyReference, TableReference
from evolve_ai.pipelines.new_folder import made_whole
from evolve_ai.system.settings_file import FILE_NAME

TEMPLATE = "agent_template"
SUITS = "settings.toml"  # in a template: settings in which its genes differ from the defaults
TEMPLATE_PARTS = ("Cargo.toml", "Cargo.lock", "src")
GITIGNORE = "/agents/\n/logs/\n/workspace/\ntarget/\n__pycache__/\n"

_PACKAGE = Path(__file__).parents[1]
_HEAD = (
    "All settings of this project, with their defaults. A key that is missing has its default.",
    "Keys above the first table must stay above it.",
)
_EXAMPLES = {
    HOOKS: ('death = ["my_lab.obituaries:write"]', '"*" = ["my_lab.counters:count"]'),
    CRATES: ('libm = "0.2.16"',),
}
_SINK_EXAMPLE = (
    "[[sinks]]",
    'name = "webhook"',
    'url = "http://127.0.0.1:8080/evolve"',
    'events = ["quarantine", "death"]',
)


def scaffold(folder: Path, template: Path | None = None) -> list[Path]:
    """Make a project of an empty or missing folder; returns the new paths, relative to it.

    Raises UsageError for a folder that is not empty, TemplateError when the installation lacks the
    template, StorageError when the disk fails.
    """
    source = template or shipped_template()
    return made_whole(folder, lambda draft: _fill(draft, source))


def shipped_template() -> Path:
    """The template of the installed package or, in a checkout, beside it."""
    for place in (_PACKAGE, _PACKAGE.parent):
        if (place / TEMPLATE / "Cargo.toml").is_file():
            return place / TEMPLATE
    raise TemplateError(
        f"no {TEMPLATE} comes with this installation",
        where=_PACKAGE,
        todo="install the package again, from a release or a checkout",
    )


def settings_text(template: Path | None = None) -> str:
    """An evolve.toml with every key at its default and commented, for the default plug-ins. Keys
    that suit a template's genes come from its own settings.toml."""
    document = tomlkit.document()
    for line in _HEAD:
        document.add(tomlkit.comment(line))
    for table in settings_reference.tables():
        document.add(tomlkit.nl())
        if table.table == "sinks":
            document.add(tomlkit.comment(table.meaning))
            for line in _SINK_EXAMPLE:
                document.add(tomlkit.comment(line))
        elif table.table:
            document.add(table.table, _table(table))
        else:
            for key in table.keys:
                document.add(tomlkit.comment(_remark(key)))
                document.add(key.key, _value(key))
    suits = template / SUITS if template is not None else None
    if suits is not None and suits.is_file():
        for name, keys in tomllib.loads(suits.read_text(encoding="utf-8")).items():
            for key, value in keys.items():
                _set(document[name], key, value)
    return tomlkit.dumps(document)


def _set(table: Any, key: str, value: object) -> None:
    """Set a key without losing its comment."""
    item = tomlkit.item(value)
    if isinstance(value, dict):
        item = tomlkit.inline_table()
        item.update(value)
    item.trivia.comment_ws, item.trivia.comment = " ", table[key].trivia.comment
    table[key] = item


def _table(reference: TableReference) -> Table:
    table = tomlkit.table()
    table.comment(reference.meaning)
    for line in _EXAMPLES.get(reference.table, ()):
        table.add(tomlkit.comment(line))
    default = next(iter(OPTIONS.get(reference.table, ())), "")
    for key in (one for one in reference.keys if one.member in ("", default)):
        item = _value(key)
        item.comment(_remark(key))
        table.add(key.key, item)
    return table


def _value(key: KeyReference) -> tomlkit.items.Item:
    return tomlkit.value(key.default)


def _remark(key: KeyReference) -> str:
    unit = f", {key.unit}" if key.unit else ""
    allowed = f" ({key.allowed}{unit})" if key.allowed else f" ({key.unit})" if unit else ""
    return f"{key.meaning}{allowed}"


def _fill(draft: Path, template: Path) -> None:
    (draft / FILE_NAME).write_text(settings_text(template), encoding="utf-8")
    (draft / ".gitignore").write_text(GITIGNORE, encoding="utf-8")
    for name in ("logs", "workspace", TEMPLATE):
        (draft / name).mkdir()
    for part in TEMPLATE_PARTS:
        source, target = template / part, draft / TEMPLATE / part
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy2(source, target)
