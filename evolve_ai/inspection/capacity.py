"""Finds how many agents this machine can hold: every limit as a row of a check-up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evolve_ai.colony.layout import colonies_possible
from evolve_ai.model.budget import in_bytes
from evolve_ai.model.capacity import UNLIMITED, Bound, tightest
from evolve_ai.model.settings import Settings
from evolve_ai.system import machine
from evolve_ai.system.consumption import (
    Holdings,
    folders_of,
    holdings,
    in_their_folders,
    memory_of,
)
from evolve_ai.system.housekeeping import memory_allowed
from evolve_ai.system.project import Project
from evolve_ai.system.reserves import (
    AGENT_BYTES,
    DESCRIPTORS_PER_AGENT,
    DISK_RESERVE,
    FILES_PER_AGENT,
    FOLDER_BYTES,
    FOLDER_INODES,
    INODE_RESERVE,
    OWN_DESCRIPTORS,
    OWN_MEMORY,
    OWN_PROCESSES,
    PIPE_PAGES,
)
from evolve_ai.system.watch import WATCHES

PLENTY = 100_000  # more agents than anybody would run on one machine
DESCRIPTORS = "file descriptors"
_BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Mean:
    """What one agent uses: measured on `agents` of them, or (0) estimated for a small founder."""

    memory: int = AGENT_BYTES
    disk: int = FOLDER_BYTES
    inodes: int = FOLDER_INODES
    agents: int = 0


def mean_of(project: Project, pids: Mapping[str, int | None]) -> Mean:
    """The mean of the living and their processes, as far as there are any."""
    running = {agent: pid for agent, pid in pids.items() if pid is not None}
    found = memory_of(in_their_folders(running, project.agents).values())
    folder = folders_of(project.agents, list(pids)) if pids else Holdings()
    return Mean(
        memory=sum(found.values()) // len(found) if found else AGENT_BYTES,
        disk=folder.bytes or FOLDER_BYTES,
        inodes=folder.inodes or FOLDER_INODES,
        agents=len(found),
    )


def bounds(project: Project, mean: Mean, population: int) -> Iterator[Bound]:
    """Every limit on the number of agents, including the living."""
    yield _memory(project.settings, mean)
    yield from _disk(project, mean, population)
    yield _descriptors(project.settings, population)
    yield Bound(
        "open files of the machine",
        machine.machine_files() + FILES_PER_AGENT * population,
        1000,
        FILES_PER_AGENT,
        "",
        "raise sysctl fs.file-max",
    )
    name, most = min(machine.process_limits(), key=lambda limit: limit[1])
    todo = f"raise {name}, or keep fewer agents"
    yield Bound("processes", most, OWN_PROCESSES, 1, f"by {name}", todo)


def _memory(settings: Settings, mean: Mean) -> Bound:
    own = 0 if settings.budget.memory_bytes else OWN_MEMORY
    todo = "raise budget.memory_bytes in evolve.toml, or keep fewer agents"
    return Bound("memory", memory_allowed(settings.budget), own, mean.memory, _BYTES, todo)


def _descriptors(settings: Settings, population: int) -> Bound:
    """The limit of all possible colonies together: each is a process with its own descriptors."""
    colonies = colonies_possible(settings, population)
    allowed = settings.budget.descriptors or colonies * machine.descriptors()
    own = OWN_DESCRIPTORS if settings.budget.descriptors else colonies * OWN_DESCRIPTORS
    todo = (
        "raise the hard limit (ulimit -Hn, LimitNOFILE= in a systemd unit), have more demes in "
        "evolve.toml (each can be a colony, with descriptors of its own), or keep fewer agents"
    )
    return Bound(DESCRIPTORS, allowed, own, DESCRIPTORS_PER_AGENT, "", todo)


def _disk(project: Project, mean: Mean, population: int) -> Iterator[Bound]:
    """Limits of the disk. The living already use their share, which is added to what is free."""
    budget = project.settings.budget
    places = (project.root, project.agents, project.workspace, project.logs)
    ours = holdings(project.workspace).plus(holdings(project.logs))
    for name, asked, free, reserve, each, used, unit in (
        (
            "disk space",
            budget.disk_bytes,
            machine.disk_free(*places),
            DISK_RESERVE,
            mean.disk,
            ours.bytes,
            _BYTES,
        ),
        (
            "inodes",
            budget.inodes,
            machine.inodes_free(*places),
            INODE_RESERVE,
            mean.inodes,
            ours.inodes,
            "",
        ),
    ):
        if asked:
            yield Bound(name, asked, used, each, unit, "raise it in [budget] of evolve.toml")
        else:
            there = free if free >= UNLIMITED else free + population * each
            yield Bound(name, there, reserve, each, unit, "free some space")


def summary(found: Sequence[Bound], mean: Mean) -> str:
    """A sentence that says how many agents there is room for, and which limit comes first."""
    first = tightest(found)
    if first is None or first.agents > PLENTY:
        return f"this machine can hold more than {PLENTY:,} agents"
    whose = f"running agents measured: {mean.agents}" if mean.agents else "as small agents need"
    return (
        f"this machine can hold about {rounded(first.agents):,} agents; the first limit is "
        f"{first.name} ({told(first)}; {whose}). To hold more: {first.todo}"
    )


def rounded(count: int) -> int:
    """Rounded to two significant digits, since the estimate is no better."""
    unit: int = 10 ** max(0, len(str(count)) - 2)
    return count // unit * unit


def told(bound: Bound) -> str:
    """What a limit allows and what an agent needs, in words."""
    if bound.unlimited:
        return "unlimited"
    if bound.unit == _BYTES:
        there, each = in_bytes(bound.allowed), in_bytes(bound.each)
    else:
        there, each = f"{bound.allowed:,} {bound.unit}".rstrip(), f"{bound.each:,}"
    return f"{there}, {each} an agent"


def pipes() -> str:
    """What happens to an unprivileged user's pipes beyond the soft limit on pages, in words."""
    full = machine.pipe_pages()
    if full >= UNLIMITED:
        return "each holds 64 KiB, however many there are"
    return (
        f"beyond {full // PIPE_PAGES:,} agents they hold less at a time "
        f"(pipe-user-pages-soft is {full:,}): nothing is lost, long frames take longer"
    )


def watches() -> str:
    """How many agents can be watched in free mode, in words; the others are polled."""
    count = machine.watches() // WATCHES
    return f"enough for {count:,} agents; the others are checked once a second"
