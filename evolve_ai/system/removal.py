"""Removes folders of dead agents: each is moved aside whole, then what was moved is removed.

Some may be kept aside, for agents to be born: system/refitting.py makes their folders of them.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evolve_ai.model.errors import StorageError
from evolve_ai.system.files import opened
from evolve_ai.system.trees import discard, empty_tree

# Below agents/, so that a folder is only renamed, even if agents/ is a file system of its own, and
# so that a process that still works in it is found.
ASIDE = ".removed"
_NICENESS = 10  # of removal in the background: agents and the life-cycle go first


@dataclass(frozen=True, slots=True)
class RemovalTask:
    """Dead agents, and the folder where the folders of all agents are. Folders of the names in
    `spare` are kept aside."""

    agents: Path
    dead: tuple[str, ...]
    spare: frozenset[str] = frozenset()


def remove_folders(task: RemovalTask) -> None:
    """Remove what can be removed; the rest stays, and the next run tries again.

    A folder of agents/ is whole or gone, whenever the machine stops.
    """
    aside = task.agents / ASIDE
    for agent in list(_not_moved(task, aside)):
        discard(task.agents / agent)
    with suppress(StorageError):
        empty_tree(aside, task.spare)
    with suppress(OSError):
        aside.rmdir()


def remove_in_background(task: RemovalTask) -> None:
    """The same in a process that does nothing else, and gives way to all others."""
    present = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(present, _NICENESS))
    remove_folders(task)


def _not_moved(task: RemovalTask, aside: Path) -> Iterator[str]:
    """Move these folders aside. Yields those that cannot be moved: they are removed in place."""
    try:
        with suppress(FileExistsError):
            aside.mkdir()
        with opened(aside) as place:  # no link that somebody has put there is followed
            yield from _moved_into(place, task.agents, task.dead)
    except OSError:
        yield from task.dead


def _moved_into(place: int, agents: Path, dead: Iterable[str]) -> Iterator[str]:
    for agent in dead:
        try:
            os.rename(agents / agent, agent, dst_dir_fd=place)
        except FileNotFoundError:
            continue
        except OSError:
            yield agent
