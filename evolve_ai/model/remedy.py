"""Says what fills a budget, and what helps."""

from collections.abc import Mapping

from evolve_ai.model.budget import AGENTS, Budget, Resource, shown

REGISTRY, STORE, BUILDS, LOGS, OTHERS = "registry", "store", "build area", "logs", "others"
LIFE_CYCLE = "life-cycle"

_KEYS = {
    Resource.MEMORY: "budget.memory_bytes",
    Resource.DISK: "budget.disk_bytes",
    Resource.INODES: "budget.inodes",
    Resource.DESCRIPTORS: "budget.descriptors",
}
# What makes each part smaller.
_LESS = {
    REGISTRY: "lower what [history] and events.kept keep, then evolve prune; remove old "
    "registry.corrupt-*, registry.backup-* and registry.version-* files",
    STORE: "remove workspace/store/programs between two runs: it is built again",
    BUILDS: "remove workspace/build between two runs: it is built again",
    LOGS: "lower events.file_bytes or events.files, or move old logs away",
    OTHERS: "see what lies in workspace/",
    LIFE_CYCLE: "lower colonies",
}
_FEWER = {
    Resource.MEMORY: "lower supervise.memory_bytes",
    Resource.DISK: "lower sandbox.state_bytes",
    Resource.INODES: "lower sandbox.state_files",
    Resource.DESCRIPTORS: "raise the limit of the system (ulimit -n)",
}
_OTHER_PROGRAMS = {
    Resource.MEMORY: "end other programs, or add memory",
    Resource.DISK: "free disk space beside the project",
    Resource.INODES: "remove files beside the project",
}


def in_words(resource: Resource, parts: Mapping[str, int]) -> str:
    """The parts that fill a budget, in words, largest first."""
    found = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return ", ".join(f"{name} {shown(resource, used)}" for name, used in found if used)


def used_in_words(budget: Budget) -> str:
    words = f"budget of {budget.resource}: {shown(budget.resource, budget.used)} of "
    words += f"{shown(budget.resource, budget.allowed)} used"
    return f"{words} ({in_words(budget.resource, budget.parts)})" if budget.parts else words


def remedy(budget: Budget) -> str:
    """What helps with a full budget, in words."""
    if budget.left <= 0 and budget.resource in _OTHER_PROGRAMS and not budget.over:
        return f"{budget.resource}: {_OTHER_PROGRAMS[budget.resource]}"
    largest = max(budget.parts, key=lambda name: budget.parts[name], default=AGENTS)
    less = _LESS.get(largest, _FEWER[budget.resource])
    return f"{budget.resource}: raise {_KEYS[budget.resource]}, or {less}"
