"""Owns finding what an orchestrator left behind when it was killed: agents, and compilers."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from evolve_ai.system.identity import Identity, identify
from evolve_ai.system.processes import end_strangers_left_behind

_MARK = "EVOLVE_STARTED_BY"
_KEEPER = "evolve-keeper"  # its argv[0]
_ROUNDS = 5  # whoever was about to start another when it was ended


def leftovers(agents: Path) -> Iterator[Identity]:
    """Agents whose working folder lies in this folder of agents, known by their name or, as they
    may write another one there, by being executed from memory (memfd_create(2)).

    A folder that was removed in the meantime still shows as the process's own.
    """
    for process in _inside(agents):
        with suppress(OSError):
            named = (process / "cmdline").read_bytes().startswith(b"agent-")
            if named or str((process / "exe").readlink()).startswith("/memfd:"):
                yield from _identified(process)


def keepers(workspace: Path) -> Iterator[Identity]:
    """Keepers of colonies of this project, whoever has started them."""
    below = f"{workspace.resolve()}/"
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                words = os.fsdecode((process / "cmdline").read_bytes()).split("\0")
                named = words[0].rpartition("/")[2] == _KEEPER
                if named and any(word.startswith(below) for word in words[1:]):
                    yield from _identified(process)


def started_by_us() -> Mapping[str, str]:
    """What in its environment tells of a command, and of all that it starts, that they are ours."""
    ours = identify(os.getpid())
    assert ours is not None
    return {_MARK: f"{ours.pid} {ours.start_time} {ours.boot_id}"}


def end_orphans(folder: Path) -> tuple[Identity, ...]:
    """End commands that work in this folder and whose orchestrator is gone, or was this one.

    Call it while no command of ours is to run there. Those of another orchestrator that lives are
    left alone. Returns those that cannot be ended.
    """
    left: tuple[Identity, ...] = ()
    for _ in range(_ROUNDS):
        found = tuple(_orphans(folder))
        if not found:
            return ()
        left = end_strangers_left_behind(found)
    return left


def _orphans(folder: Path) -> Iterator[Identity]:
    for process in _inside(folder):
        with suppress(OSError):
            starter = _starter((process / "environ").read_bytes())
            if starter is not None and (starter.pid == os.getpid() or not starter.lives()):
                yield from _identified(process)


def _starter(environ: bytes) -> Identity | None:
    for entry in environ.split(b"\0"):
        name, _, value = entry.partition(b"=")
        if name == _MARK.encode():
            with suppress(ValueError):
                pid, start, boot = value.decode().split()
                return Identity(int(pid), int(start), boot)
    return None


def _inside(folder: Path) -> Iterator[Path]:
    """The /proc folders of processes whose working folder is this one, or lies in it."""
    root = str(folder.resolve()) + "/"
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if f"{(entry / 'cwd').readlink()}/".startswith(root):
                    yield entry


def _identified(process: Path) -> Iterator[Identity]:
    found = identify(int(process.name))
    if found is not None:
        yield found
