"""Kills a program that makes a registry at one moment after the other, as by `kill -9`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Ends before SQLite runs a statement of the watched function, for each nth; the last one is done.
SCRIPT = """
import importlib, os, shutil, sys
from pathlib import Path
from evolve_ai.state.registry import Registry

target, source = Path(sys.argv[1]), sys.argv[2]
module, function = importlib.import_module(sys.argv[3]), sys.argv[4]
each = int(sys.argv[5])
watched = getattr(module, function)

def make(path, last):
    steps = 0
    def step(*_):
        nonlocal steps
        steps += 1
        if steps == last:
            os._exit(9)
    def watch(connection, *arguments):
        connection.set_trace_callback(step)
        watched(connection, *arguments)
    setattr(module, function, watch)
    Registry.create(path)
    os._exit(0)

last, code = 1, 9
while code:
    path = target / f"{last:05}" / "registry.sqlite"
    if source:
        path.parent.mkdir()
        shutil.copy(source, path)
    child = os.fork()
    if child == 0:
        make(path, last)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), code
    last += each
"""


def registries_killed_in(
    watched: str, target: Path, *, source: Path | None = None, each: int = 1
) -> Iterator[Path]:
    """Where a registry was made, or a copy of `source` opened, and killed in `watched`, by time.

    `watched` names a function that is given the connection, as "module:function"; the kills are
    `each` statements apart.
    """
    module, _, function = watched.partition(":")
    argv = [sys.executable, "-c", SCRIPT, target, source or "", module, function, str(each)]
    subprocess.run(argv, timeout=240, check=True)
    return (folder / "registry.sqlite" for folder in sorted(target.iterdir()))
