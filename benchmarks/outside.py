"""Owns what is seen of processes from outside: in /proc, whoever their parent is."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def words(pid: int) -> list[bytes]:
    """The argument vector of a process; empty when it is gone, or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def pids() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdigit()}  # noqa: PTH208 - speed


class Marked:
    """The processes whose first argument is a mark. Cheap to count again and again."""

    def __init__(self, mark: str):
        self.mark = mark.encode()
        self._known: set[int] = set()

    def now(self) -> set[int]:
        there = pids()
        self._known = {
            pid for pid in there if (pid in self._known and words(pid)) or self._is_marked(pid)
        }
        return self._known

    def grown_to(self, count: int) -> bool:
        """Whether there are so many. Whoever was seen once is not looked at again."""
        there = pids()
        self._known &= there
        self._known |= {pid for pid in there - self._known if self._is_marked(pid)}
        return len(self._known) >= count

    def _is_marked(self, pid: int) -> bool:
        return words(pid)[1:2] == [self.mark]

    def end_all(self) -> None:
        """Kill them until there are none: a supervisor may still be starting some."""
        for _ in range(50):
            found = self.now()
            if not found:
                return
            for pid in found:
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)


def wait_for(met: Callable[[], bool], seconds: float, pause: float = 0.01) -> bool:
    """Look again and again until something is so; False when the time is up."""
    deadline = time.monotonic() + seconds
    while not met():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def descendants(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for at in found:
        with suppress(OSError):
            for task in Path(f"/proc/{at}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(of: Iterable[int]) -> float:
    """User and system time that processes have used themselves (proc_pid_stat(5))."""
    total = 0.0
    for pid in of:
        with suppress(OSError):
            text = Path(f"/proc/{pid}/stat").read_text()
            fields = text[text.rindex(")") + 2 :].split()
            total += (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
    return total


def working_below(folder: Path) -> set[int]:
    """The processes whose working folder is this one, or lies in it, removed or not."""
    root = f"{folder.resolve()}/"
    found = set()
    for pid in pids():
        with suppress(OSError):
            if f"{Path(f'/proc/{pid}/cwd').readlink()}/".startswith(root):
                found.add(pid)
    return found
