"""Reads which task the project of a search is of, and names the command that goes on with it."""

import json
import shlex
from pathlib import Path

from evolve_ai.system.project import SEARCH_MARK
from evolve_ai.system.task_names import OUTPUT


def task_folder(root: Path) -> Path | None:
    """The folder of the task; None where the project is of no search, or its mark is damaged."""
    try:
        return Path(json.loads((root / "workspace" / SEARCH_MARK).read_text())["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def improve_command(root: Path) -> str:
    """What a user types to go on with the search in `root`; FOLDER where its task is unknown."""
    folder = task_folder(root)
    if folder is None:
        return "evolve improve FOLDER"
    words = ["evolve", "improve", str(folder)]
    usual = folder / OUTPUT
    return shlex.join(words if root.absolute() == usual else [*words, "--project", str(root)])
