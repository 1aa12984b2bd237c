"""Finds the life-cycle that holds a project."""

from evolve_ai.system.lock import Holder, holder
from evolve_ai.system.project import Folders

LIFE_CYCLE = "life-cycle"
IMPROVE = "improve"


def life_cycle(folders: Folders) -> Holder | None:
    """The life-cycle, or the search, that holds the project; builds and exams do not count."""
    held = holder(folders.workspace)
    return held if held and held.purpose in (LIFE_CYCLE, IMPROVE) else None
