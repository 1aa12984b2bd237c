"""Loads each command when it is used: the only place where modules are imported by name.

The source of the method: "Lazily Loading Subcommands" in the documentation of click.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from evolve_ai.cli.table import Entry


def load(place: str) -> Any:
    """The object for "module:name" below evolve_ai."""
    module, _, name = place.partition(":")
    return getattr(import_module(f"evolve_ai.{module}"), name)


class Commands(MutableMapping[str, click.Command]):
    """Commands by name; each is imported at its first use."""

    def __init__(self, entries: Mapping[str, Entry]):
        self._entries = entries
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self._loaded[name] = load(f"cli.{self._entries[name].place}")
        return self._loaded[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Overridden so that a KeyError inside an imported module is not taken for no command."""
        return self[name] if name in self._entries else default

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


class CommandGroup(click.Group):
    """A group whose help and completion come from the table, without loading any command."""

    def __init__(self, *, sections: Mapping[str, Mapping[str, Entry]], **how: Any):
        self._sections = sections
        self._entries = {name: e for section in sections.values() for name, e in section.items()}
        super().__init__(commands=Commands(self._entries), **how)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, entries in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=entry.help)
            for name, entry in self._entries.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]
