"""Opens the local runner of a project: finds its keeper, and what boxes of trials may read."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.contracts.runner import Content
from evolve_ai.runners.boxed_slot import BoxedSlot, Boxes
from evolve_ai.runners.local import LocalRunner
from evolve_ai.runners.task_folder import TaskFolder
from evolve_ai.system.tools import tool_path
from evolve_ai.system.trees import discard

_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/nix/store")
_TOOLS = ("python3", "rustc", "cargo", "gcc", "g++", "clang", "go", "node", "java", "valgrind")


def open_local_runner(
    workspace: Path, content: Content, slots: int, unsafe: bool, readable: Iterable[Path] = ()
) -> tuple[LocalRunner, tuple[str, ...]]:
    """A runner for this project, and what is degraded, in words. `readable` are paths that trials
    may read and execute besides the system's programs and libraries.

    Raises ToolchainError or StorageError when the keeper cannot be had.
    """
    place = workspace.absolute() / "trials" / f"run-{os.getpid()}"
    discard(place)
    place.mkdir(parents=True)
    path = tool_path(os.environ)
    boxes = Boxes(keeper_program(workspace), (*_readable(path), *map(Path, readable)), path)

    def slot(number: int) -> BoxedSlot:
        own = place / f"slot-{number}"
        return BoxedSlot(boxes, TaskFolder(own / "task", content), own / "root")

    runner = LocalRunner([partial(slot, number) for number in range(slots)])
    return runner, ()


def _readable(path: str) -> Iterator[Path]:
    yield from map(Path, _SYSTEM)
    yield from (Path("/etc") / name for name in _ETC)
    yield from {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent}
    for name in _TOOLS:
        if found := shutil.which(name, path=path):
            yield Path(found).parent
            yield Path(found).resolve().parents[1]


_ETC = (
    "alternatives",
    "ssl",
    "pki",
    "ca-certificates",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "passwd",
    "group",
    "nsswitch.conf",
    "hosts",
    "host.conf",
    "localtime",
    "timezone",
    "protocols",
    "services",
    "mime.types",
    "java-17-openjdk",
)
