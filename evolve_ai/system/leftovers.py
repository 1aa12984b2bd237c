"""Owns finding the agents that an orchestrator left behind when it was killed."""

from collections.abc import Iterator
from pathlib import Path

from evolve_ai.system.identity import Identity, identify


def leftovers(agents: Path) -> Iterator[Identity]:
    """Processes named like agents whose working folder lies in this folder of agents.

    A folder that was removed in the meantime still shows as the process's own.
    """
    root = str(agents.resolve()) + "/"
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            cwd = str((entry / "cwd").readlink())
            named = (entry / "cmdline").read_bytes().startswith(b"agent-")
        except OSError:
            continue
        if named and cwd.startswith(root):
            found = identify(int(entry.name))
            if found is not None:
                yield found
