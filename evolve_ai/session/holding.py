"""Tells which life-cycle holds a project."""

from evolve_ai.system.lock import Holder, holder
from evolve_ai.system.project import Folders

LIFE_CYCLE = "life-cycle"


def life_cycle(folders: Folders) -> Holder | None:
    """The life-cycle that holds the project; a build or an exam is none."""
    held = holder(folders.workspace)
    return held if held and held.purpose == LIFE_CYCLE else None
