"""A control group for all agents together, where cgroup v2 is delegated to this user.

Only a trial shows whether it is. By the rules of the kernel
(Documentation/admin-guide/cgroup-v2.rst) a group that hands controllers down has no processes of
its own: so this process moves into a leaf beside the agents' group.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HOW = "systemd-run --user --scope -p Delegate=yes evolve life-cycle gives it"
_PROC = Path("/proc")
_CONTROLLERS = ("memory", "pids")
_OURS = "evolve.life-cycle"
_AGENTS = "evolve.agents-"
_MEMBERS = "cgroup.procs"
_HANDED_DOWN = "cgroup.subtree_control"


@dataclass(frozen=True, slots=True)
class NotDelegated:
    """No group can be made here; the sentence says why."""

    reason: str


class Group:
    """A control group that limits all its processes, and those that they start, together."""

    def __init__(self, home: Path, folder: Path):
        self._home = home
        self.folder = folder

    @classmethod
    def make(
        cls, name: str, memory_bytes: int, processes: int, home: Path | None = None
    ) -> "Group | NotDelegated":
        """A group with this name and these limits. Call it before any process is started.

        `home` is the group of this process; by default it is looked up.
        """
        home = home or own_group()
        if home is None:
            return NotDelegated("this system has no cgroup v2, or we are in no group of it")
        there = _words(home / "cgroup.controllers")
        missing = [controller for controller in _CONTROLLERS if controller not in there]
        if missing:
            return NotDelegated(f"{home} has no controller for {' and '.join(missing)}")
        group = cls(home, home / f"{_AGENTS}{name}")
        try:
            group._found(memory_bytes, processes)
        except OSError as error:
            group.remove()
            if error.errno == errno.EBUSY:
                return NotDelegated(f"others than evolve are in {home}")
            return NotDelegated(f"{home} refuses: {error.strerror}")
        return group

    def _found(self, memory_bytes: int, processes: int) -> None:
        if not set(_CONTROLLERS) <= set(_words(self._home / _HANDED_DOWN)):
            leaf = self._home / _OURS
            leaf.mkdir(exist_ok=True)
            _write(leaf / _MEMBERS, str(os.getpid()))
            _write(self._home / _HANDED_DOWN, " ".join(f"+{name}" for name in _CONTROLLERS))
        self.folder.mkdir(exist_ok=True)
        _write(self.folder / "memory.max", str(memory_bytes))
        # The kernel then kills one process that uses too much, not all of the group.
        _write(self.folder / "memory.oom.group", "0")
        _write(self.folder / "pids.max", str(processes))

    def take(self, pid: int) -> None:
        """Move a process and its children, present and future, into the group.

        Raises OSError when it is gone, or in a group from which we may not take it.
        """
        before = group_of(pid)
        _write(self.folder / _MEMBERS, str(pid))
        for child in _words(_PROC / str(pid) / "task" / str(pid) / "children"):
            with suppress(OSError):  # the child has just ended
                _write(self.folder / _MEMBERS, child)
        if before is not None and before.name.startswith(_AGENTS) and before != self.folder:
            with suppress(OSError):  # other processes are in it
                before.rmdir()

    def members(self) -> tuple[int, ...]:
        return tuple(int(word) for word in _words(self.folder / _MEMBERS))

    def remove(self) -> bool:
        """Undo make(); False when a process is still in the group, which then stays."""
        try:
            with suppress(FileNotFoundError):
                self.folder.rmdir()
        except OSError:
            return False
        if any(entry.name.startswith(_AGENTS) for entry in _folders(self._home)):
            return True  # another life-cycle's group beside ours still needs the controllers
        leaf = self._home / _OURS
        if leaf.is_dir():
            with suppress(OSError):
                _write(self._home / _HANDED_DOWN, " ".join(f"-{name}" for name in _CONTROLLERS))
                for member in _words(leaf / _MEMBERS):
                    _write(self._home / _MEMBERS, member)
                leaf.rmdir()
        return True


def own_group(proc: Path = _PROC) -> Path | None:
    """The folder of this process's group of cgroup v2; None where there is none."""
    folder = group_of("self", proc)
    if folder is not None and folder.name == _OURS:
        return folder.parent
    return folder


def group_of(pid: int | str, proc: Path = _PROC) -> Path | None:
    """The folder of a process's group of cgroup v2; None where there is none."""
    mount = next(_mounts(proc), None)
    try:
        lines = (proc / str(pid) / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if mount is None or path is None:
        return None
    folder = mount / path.lstrip("/")
    return folder if folder.is_dir() else None


def _mounts(proc: Path) -> Iterator[Path]:
    with suppress(OSError):
        for line in (proc / "self/mounts").read_text(encoding="utf-8").splitlines():
            _, place, kind, *_ = line.split(" ")
            if kind == "cgroup2":
                yield Path(place.replace("\\040", " "))


def probe(home: Path | None = None) -> str:
    """Whether cgroup v2 works here, in words; found out by making a group and removing it."""
    made = Group.make(f"probe-{os.getpid()}", 2**30, 1000, home)
    if isinstance(made, NotDelegated):
        return f"not delegated here ({made.reason}): budgets are only checked once a cycle; {HOW}"
    made.remove()
    return "delegated: the kernel can limit all agents together"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


def _words(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError:
        return ()


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (entry for entry in folder.iterdir() if entry.is_dir())
