"""Finds plug-ins of the user by name, and makes them under a guard."""

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from evolve_ai.guards.options import options_for
from evolve_ai.model.errors import PluginError
from evolve_ai.model.family_settings import GROUPS
from evolve_ai.model.setting import Section
from evolve_ai.system.guard import Guard
from evolve_ai.system.plugin_output import divert
from evolve_ai.system.project import Project


def guard_of(project: Project, family: str, name: str) -> Guard:
    """The guard that calls a plug-in of this name; from here on its output goes to a log."""
    divert(project.logs)  # in a process of a colony, too
    return Guard(family, name, project.settings.plugins.timeout, project.root)


def made(
    guard: Guard, family: str, known: Mapping[str, Any], chosen: Section, *arguments: Any
) -> Any:
    """What the plug-in of the guard's name makes of a project; PluginError when it cannot."""
    make = found_by(guard, family, known)
    options = options_for(guard, make, chosen)
    return guard.call("__init__", lambda: make(*arguments, *options), lambda it: it)


def found_by(guard: Guard, family: str, known: Mapping[str, Any]) -> Any:
    """An entry point of the group of this family, or a dotted name."""
    name, group = guard.name, GROUPS[family]
    if ":" in name:
        module, _, attribute = name.partition(":")
        return guard.call(
            "import",
            lambda: getattr(importlib.import_module(module), attribute),
            lambda it: it,
        )
    for entry in entry_points(group=f"evolve_ai.{group}"):
        if entry.name == name:
            return guard.call("import", entry.load, lambda it: it)
    raise PluginError(
        f"{name!r} is none of the {group}: {', '.join(sorted(known))}",
        where=guard.root / guard.file,
        todo='name one of them, or your own as "package.module:name"',
    )
