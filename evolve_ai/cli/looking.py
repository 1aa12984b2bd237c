"""Opens a project for read-only commands: at once, if its settings were checked before."""

from pathlib import Path

from evolve_ai.cli.loading import load
from evolve_ai.model.outline import Outline
from evolve_ai.session.project_root import find_root
from evolve_ai.system.outline_file import known_outline
from evolve_ai.system.project import Folders


def look_at(project: Path, overrides: tuple[str, ...]) -> tuple[Folders, Outline]:
    """The project and an outline of its settings, which are checked only if they have changed.

    Raises NoProjectError and SettingsError like every other command.
    """
    folders = Folders(find_root(project))
    outline = None if overrides else known_outline(folders)
    if outline is None:
        opened = load("session.finding:open_project")(project, overrides, remember=True)
        outline = load("system.outline_file:outline_of")(opened)
    return folders, outline
