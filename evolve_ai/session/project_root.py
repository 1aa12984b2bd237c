"""Finds the folder of a project."""

import shlex
from pathlib import Path

from evolve_ai.model.errors import NoProjectError, UsageError
from evolve_ai.system.paths import check_utf8
from evolve_ai.system.platforms import refuse_other_systems
from evolve_ai.system.project import SETTINGS_FILE, is_search
from evolve_ai.system.task_names import OUTPUT, TASK_FILE


def find_root(folder: Path) -> Path:
    """The absolute path of a project of agents. Raises NoProjectError where there is none,
    UsageError for that of a search, SandboxError on an operating system that is not supported."""
    refuse_other_systems()
    root = folder.absolute()
    if not (root / SETTINGS_FILE).is_file():
        if is_search(root):
            raise UsageError(
                "this is the project of a search: it has no agents",
                where=root,
                todo="of a search there are: evolve status, candidates, show, best, stop",
            )
        if (root / TASK_FILE).is_file():
            raise no_search(root)
        raise NoProjectError(
            "there is no evolve.toml here", where=root, todo="begin a project: evolve new DIR"
        )
    check_utf8(root)
    return root


def no_search(root: Path) -> NoProjectError:
    """What to say in a folder that is not the project of a search."""
    todo = "begin one: evolve improve FOLDER; --project names its evolve_output"
    if is_search(root / OUTPUT):
        todo = f"this is its task: --project {shlex.quote(str(root / OUTPUT))}"
    elif (root / TASK_FILE).is_file():
        todo = f"begin one: {shlex.join(['evolve', 'improve', str(root)])}"
    return NoProjectError("there is no search here", where=root, todo=todo)


def find_remains(folder: Path) -> Path:
    """As find_root, for commands that only stop agents: the project may be damaged."""
    root = folder.absolute()
    return root if (root / "workspace").is_dir() else find_root(folder)
