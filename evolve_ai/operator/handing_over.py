"""Hands a command to the life-cycle that holds the project, or ends that life-cycle."""

import signal
from pathlib import Path

from evolve_ai.model.errors import EvolveError
from evolve_ai.operator import inbox
from evolve_ai.session.holding import life_cycle
from evolve_ai.session.project_root import find_remains
from evolve_ai.system.identity import Identity
from evolve_ai.system.leftovers import leftovers
from evolve_ai.system.lock import Holder
from evolve_ai.system.processes import adopt_or_none, ended, send
from evolve_ai.system.project import Folders


def hand_over(project: Folders, count: int) -> Holder | None:
    """Leave an `init` to the life-cycle that holds the project; returns that, or None."""
    held = life_cycle(project)
    if held is None:
        return None
    inbox.post(project.inbox, inbox.Command("init", {"count": count}))
    return held


def stop(folder: Path, seconds: float) -> int | None:
    """End the life-cycle gracefully and wait; returns its pid, or None if there was none.

    The settings are not read: a mistake in evolve.toml must not prevent a stop.
    """
    held = life_cycle(Folders(find_remains(folder)))
    if held is None:
        return None
    if held.elsewhere:
        raise EvolveError(
            f"the life-cycle is {held}: from here it cannot be ended",
            todo="end it where it runs: evolve stop",
        )
    _end(held.identity, seconds)
    return held.identity.pid


def anybody_lives(folder: Path) -> bool:
    """True if any agent of the project is alive, with a life-cycle or without."""
    return any(leftovers(Folders(find_remains(folder)).agents))


def _end(identity: Identity, seconds: float) -> None:
    pidfd = adopt_or_none(identity)
    if pidfd is None:
        return
    send(pidfd, signal.SIGTERM)
    if not ended([pidfd], seconds):
        raise EvolveError(
            f"process {identity.pid} has not ended within {seconds:g} s",
            todo="wait longer with --wait, or see what it does: evolve status",
        )
