"""Finds the folder of a project."""

import os
from pathlib import Path

from evolve_ai.model.errors import NoProjectError, UsageError
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import SETTINGS_FILE


def find_root(folder: Path) -> Path:
    """The absolute path of a project; NoProjectError where there is none, SandboxError on a system
    that no project can live on."""
    refuse_other_systems()
    root = folder.absolute()
    if not (root / SETTINGS_FILE).is_file():
        raise NoProjectError(
            "there is no evolve.toml here", where=root, todo="begin a project: evolve new DIR"
        )
    check_path(root)
    return root


def find_remains(folder: Path) -> Path:
    """As find_root, for one who only ends what lives there: of the project little need be left."""
    root = folder.absolute()
    return root if (root / "workspace").is_dir() else find_root(folder)


def check_path(folder: Path) -> None:
    """Cargo, JSON and the registry speak UTF-8; UsageError for a path that does not."""
    try:
        str(folder).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(folder).decode(errors="backslashreplace")
        raise UsageError(
            "the path is not UTF-8", where=shown, todo="choose another name for the folder"
        ) from error
