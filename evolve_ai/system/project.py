"""The layout of a project on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evolve_ai.model.settings import Settings

SETTINGS_FILE = "evolve.toml"
SEARCH_MARK = "task.json"  # in the workspace of a search: which task it is of
KEY = "key"  # in the workspace: the key that signs programs


@dataclass(frozen=True, slots=True)
class Folders:
    """The paths of all parts of a project."""

    root: Path

    @property
    def template(self) -> Path:
        return self.root / "agent_template"

    @property
    def agents(self) -> Path:
        return self.root / "agents"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def registry(self) -> Path:
        return self.workspace / "registry.sqlite"

    @property
    def delivered(self) -> Path:
        """The number of the last event in the event log, in a file of its own."""
        return self.workspace / "delivered"

    @property
    def sources(self) -> Path:
        """The content store of gene code, shared by scans and builds."""
        return self.workspace / "store" / "sources"

    @property
    def verdicts(self) -> Path:
        """The verdicts of the audit on that code."""
        return self.workspace / "store" / "verdicts.sqlite"

    @property
    def programs(self) -> Path:
        """The store of built programs, signed with the key."""
        return self.workspace / "store" / "programs"

    @property
    def key(self) -> Path:
        return self.workspace / KEY

    @property
    def outline(self) -> Path:
        """A cache of what reports need of the settings, written once these were found valid."""
        return self.workspace / "settings.json"

    @property
    def trials(self) -> Path:
        """Where the boxes of evaluations are made."""
        return self.workspace / "trials"

    @property
    def inbox(self) -> Path:
        return self.workspace / "inbox"

    def agent(self, agent_id: str) -> Path:
        return self.agents / agent_id


@dataclass(frozen=True, slots=True)
class Project(Folders):
    """A folder with an evolve.toml, and the settings read from it."""

    settings: Settings


def is_search(root: Path) -> bool:
    """Is this the project of a search?"""
    return (root / "workspace" / SEARCH_MARK).is_file()
