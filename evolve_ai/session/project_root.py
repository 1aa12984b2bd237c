"""Finds the folder of a project."""

from pathlib import Path

from evolve_ai.model.errors import NoProjectError
from evolve_ai.system.paths import check_utf8
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import SETTINGS_FILE


def find_root(folder: Path) -> Path:
    """The absolute path of a project. Raises NoProjectError where there is none, SandboxError on
    an operating system that is not supported."""
    refuse_other_systems()
    root = folder.absolute()
    if not (root / SETTINGS_FILE).is_file():
        raise NoProjectError(
            "there is no evolve.toml here", where=root, todo="begin a project: evolve new DIR"
        )
    check_utf8(root)
    return root


def find_remains(folder: Path) -> Path:
    """As find_root, for commands that only stop agents: the project may be damaged."""
    root = folder.absolute()
    return root if (root / "workspace").is_dir() else find_root(folder)
