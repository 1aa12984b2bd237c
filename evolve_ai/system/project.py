"""Owns the layout of a project on disk: where everything lies."""

from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.settings import Settings


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with an evolve.toml, and the settings read from it."""

    root: Path
    settings: Settings

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
    def sources(self) -> Path:
        """The content store of gene code, shared by scans and builds."""
        return self.workspace / "store" / "sources"

    @property
    def verdicts(self) -> Path:
        """What the audit said of that code."""
        return self.workspace / "store" / "verdicts.sqlite"

    @property
    def inbox(self) -> Path:
        return self.workspace / "inbox"

    def agent(self, agent_id: str) -> Path:
        return self.agents / agent_id
