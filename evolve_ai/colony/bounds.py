"""Limits the memory and processes of all agents of a project by a control group."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from evolve_ai.model.settings import MIB
from evolve_ai.notifications.orchestrator_log import Log, open_log
from evolve_ai.system import machine
from evolve_ai.system.cgroup import HOW, Group, NotDelegated
from evolve_ai.system.housekeeping import memory_allowed
from evolve_ai.system.project import Project
from evolve_ai.system.reserves import AGENT_BYTES, OWN_PROCESSES

# The budget must act first, since it ends the poorest agents, while the kernel ends the largest.
# The kernel also counts more than the budget does: keepers, pages of programs, pipes.
_ABOVE_THE_BUDGET = 9 / 8
OWN_BYTES = 32 * MIB  # keepers, and the pages of programs


@contextmanager
def bounded(project: Project, agents: int, log: Log) -> Iterator[Group | None]:
    """The control group that keepers are to join; None, with a line in the log, without one.

    The group has room for so many `agents` even if the budget allows less: the budget ends a few
    agents per cycle, not all at once. Agents that outlive the run stay in it, for the next run.
    """
    asked = int(_ABOVE_THE_BUDGET * memory_allowed(project.settings.budget))
    memory = max(asked, OWN_BYTES + 2 * AGENT_BYTES * agents)
    processes = min(most for _, most in machine.process_limits()) - OWN_PROCESSES
    made = Group.make(_name(project), memory, max(1, processes))
    if isinstance(made, NotDelegated):
        log.info("no control group bounds the agents", reason=made.reason, todo=HOW)
        yield None
        return
    try:
        yield made
    finally:
        made.remove()


def joining(group: Group | None, logs: Path) -> Callable[[int], None]:
    """A function that moves a keeper (by pid) into the group, and logs a warning if it cannot."""
    return partial(_join, group, logs)


def _join(group: Group | None, logs: Path, pid: int) -> None:
    if group is None:
        return
    try:
        group.take(pid)
    except OSError as error:
        open_log(logs).warning(
            "a keeper is not in the control group of the agents, nor are those whom it starts",
            pid=pid,
            group=str(group.folder),
            reason=error.strerror,
        )


def _name(project: Project) -> str:
    """A name that is the same in each run of a project and differs between projects."""
    return hashlib.sha256(bytes(project.root.resolve())).hexdigest()[:12]
