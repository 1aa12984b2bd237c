"""Finds processes that a killed orchestrator left behind: agents, keepers, and compilers."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.processes import end_strangers_left_behind

_MARK = "EVOLVE_STARTED_BY"
_KEEPER = "evolve-keeper"  # its argv[0]
_PLACE = "EVOLVE_WORKS_FOR"
_ROUNDS = 5  # a process may start another just before it is ended
_ELSEWHERE = "/"  # the working folder of commands that must not see what is around a folder


def leftovers(agents: Path) -> Iterator[Identity]:
    """Agents whose working folder lies in this folder of agents. They are recognised by their name
    or, since an agent can change that, by a program in memory (memfd_create(2)) or in a file
    without a name.

    A working folder that was removed meanwhile still counts.
    """
    root = _root(agents)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if f"{process.cwd()}/".startswith(root) and _is_agent(process):
                yield from _identified(process)


def _is_agent(process: psutil.Process) -> bool:
    if "".join(process.cmdline()[:1]).startswith("agent-"):
        return True
    program = process.exe()
    return program.startswith("/memfd:") or Path(program).name.startswith("#")


def keepers(workspace: Path) -> Iterator[Identity]:
    """Keepers of colonies of this project, whichever process started them."""
    below = _root(workspace)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            first, *words = process.cmdline() or [""]
            named = first.rpartition("/")[2] == _KEEPER
            if named and any(word.startswith(below) for word in words):
                yield from _identified(process)


def started_by_us(folder: Path) -> Mapping[str, str]:
    """Environment variables that mark a command, and all that it starts, as ours, and name the
    folder that it works for, whatever its working folder."""
    ours = identify(os.getpid())
    assert ours is not None
    return {_MARK: f"{ours.pid} {ours.start_time} {ours.boot_id}", _PLACE: str(folder.resolve())}


def end_orphans(folder: Path) -> tuple[Identity, ...]:
    """End commands that work in or for this folder and were started by an orchestrator that is
    gone, or by this one.

    Call it while no command of ours should run there. Commands of another living orchestrator are
    left alone. Returns the processes that cannot be ended.
    """
    left: tuple[Identity, ...] = ()
    for _ in range(_ROUNDS):
        found = tuple(_orphans(folder))
        if not found:
            return ()
        left = end_strangers_left_behind(found)
    return left


def _orphans(folder: Path) -> Iterator[Identity]:
    root = _root(folder)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            place = process.cwd()
            inside = f"{place}/".startswith(root)
            if not inside and place != _ELSEWHERE:
                continue
            environ = process.environ()
            if not inside and f"{environ.get(_PLACE, '')}/" != root:
                continue
            starter = _starter(environ)
            if starter is not None and (starter.pid == os.getpid() or not starter.lives()):
                yield from _identified(process)


def _starter(environ: Mapping[str, str]) -> Identity | None:
    with suppress(ValueError):
        pid, start, boot = environ.get(_MARK, "").split()
        return Identity(int(pid), int(start), boot)
    return None


def _root(folder: Path) -> str:
    return f"{folder.resolve()}/"


def _identified(process: psutil.Process) -> Iterator[Identity]:
    found = identify(process.pid)
    if found is not None:
        yield found
