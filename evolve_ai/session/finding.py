"""Finds the project of a command, and reads its settings."""

import sys
from collections.abc import Sequence
from pathlib import Path

from evolve_ai.session.project_root import find_root
from evolve_ai.system import settings_file
from evolve_ai.system.outline_file import keep_outline, mark_of
from evolve_ai.system.plugin_output import divert
from evolve_ai.system.project import Folders, Project
from evolve_ai.system.settings_file import FILE_NAME, load_settings


def open_project(folder: Path, overrides: Sequence[str] = (), remember: bool = False) -> Project:
    """Raises NoProjectError where there is no evolve.toml, SettingsError if it has mistakes.

    `remember` stores an outline of the settings, so that reports need not check them again.
    """
    root = find_root(folder)
    if str(root) not in sys.path:
        sys.path.append(str(root))  # where the user's own hooks and plug-ins lie
    mark = mark_of(Folders(root))
    project = Project(root, load_settings(root / FILE_NAME, overrides))
    if project.settings.has_own_plugins():
        # Before a progress bar or anything else takes the output.
        divert(root / "logs")
    if remember and not overrides:
        keep_outline(project, mark)
    return project


def old_forms(project: Project) -> tuple[str, ...]:
    """Outdated spellings in its evolve.toml, each with the present one."""
    return settings_file.old_forms(project.root / FILE_NAME)
