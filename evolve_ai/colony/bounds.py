"""Bounds all agents of a project together by a control group, where the kernel may."""

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

# The budget, which picks the poorest, comes first; the kernel, which picks the largest, counts
# more as theirs: keepers, pages of programs, pipes.
_ABOVE_THE_BUDGET = 9 / 8
OWN_BYTES = 32 * MIB  # keepers, and the pages of programs


@contextmanager
def bounded(project: Project, agents: int, log: Log) -> Iterator[Group | None]:
    """The group that keepers are to join; None, told in the log, where none can be made.

    So many `agents` find room in it whatever the budget says: it has a few die in a cycle, not
    all at once. Who lives on afterwards stays in it, for the next run.
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
    """How a keeper is put into the group, by its pid. One that cannot be is told of in the log."""
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
    """The same for each run of a project, and of no other project."""
    return hashlib.sha256(bytes(project.root.resolve())).hexdigest()[:12]
