"""Parses /proc/<pid>/stat, statm, cwd (proc(5)) where psutil is too slow or too imprecise.

The sweep reads thousands of processes per cycle, and each start and end of an agent needs the start
time of its process (benchmarks/processes.py shows the time saved). Keepers record the start time in
clock ticks: psutil adds the boot time, which shifts by a second now and then with the machine's
clock.
"""

import os
import time
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from evolve_ai.model.usage import Usage

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GONE = " (deleted)"
_PF_EXITING = 0x4
_ENDED = frozenset({b"Z", b"X"})
_OF_A_PROCESS = 2  # CPUCLOCK_SCHED: the kind of clock; the other bits are the pid (linux/time.h)
_SWEEPS_OF_SLEEPERS = 32

# Its processor time, its stat line, and what that line tells.
_Seen = tuple[int | None, bytes, Usage]


class Sweep:
    """Reads many processes again and again. A process whose clock of processor time stands still
    has not run since the last sweep, so it has used and changed nothing. It is read all the same
    every so many sweeps: others may have taken memory from it."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}
        self._sweeps = 0
        self.stirred: Set[int] = frozenset()
        """The pids that the last sweep has read: the others have not run since they were read."""

    def __call__(self, pids: Iterable[int]) -> Mapping[int, Usage]:
        """What each process has used; those that are gone are left out."""
        before, seen, stirred = self._seen, dict[int, _Seen](), set[int]()
        turn = self._sweeps = (self._sweeps + 1) % _SWEEPS_OF_SLEEPERS
        for pid in pids:
            # Before all other looks: so what it does from here on is seen by the next sweep.
            ran, known = cpu_nanoseconds(pid), before.get(pid)
            slept = known is not None and ran is not None and known[0] == ran
            if known and slept and pid % _SWEEPS_OF_SLEEPERS != turn:
                seen[pid] = known
                continue
            stirred.add(pid)
            text = _read(pid, "stat")
            if text is not None:
                same = known is not None and known[1] == text
                seen[pid] = (ran, text, known[2] if known and same else _usage(text))
        self._seen, self.stirred = seen, stirred
        return {pid: usage for pid, (_, _, usage) in seen.items()}


def cpu_nanoseconds(pid: int) -> int | None:
    """The processor time of all threads of a process, to the nanosecond, by one system call
    (clock_getcpuclockid(3)); None for no such process."""
    try:
        return time.clock_gettime_ns(~pid << 3 | _OF_A_PROCESS)
    except OSError:
        return None


def start_ticks(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None for no such process."""
    text = _read(pid, "stat")
    return None if text is None else int(_fields(text)[19])


def runs_since(pid: int, ticks: int) -> bool:
    """True if a process with this start time has this pid and has not ended (as a zombie has)."""
    text = _read(pid, "stat")
    fields = None if text is None else _fields(text)
    return fields is not None and int(fields[19]) == ticks and fields[0] not in _ENDED


def is_ending(pid: int) -> bool:
    """True if a process has begun to exit, or is gone: its files are closed before anybody can be
    told how it ended (PF_EXITING in linux/sched.h; proc(5) has the flags)."""
    text = _read(pid, "stat")
    return text is None or bool(int(_fields(text)[6]) & _PF_EXITING)


def folder_of(pid: int) -> Path | None:
    """The working folder of a process; None when it is gone or invisible to us. A removed folder
    keeps its former name."""
    try:
        place = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return None
    gone = place.endswith(_GONE) and not os.path.lexists(place)
    return Path(place.removesuffix(_GONE) if gone else place)


def private_memory(pid: int) -> int | None:
    """Bytes in memory that a process does not share; None for no such process."""
    text = _read(pid, "statm")
    if not text:
        return None
    _, resident, shared, *_ = text.split()
    return (int(resident) - int(shared)) * _PAGE


def _usage(text: bytes) -> Usage:
    fields = _fields(text)
    cpu = (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS
    return Usage(cpu, int(fields[21]) * _PAGE, int(fields[17]))


def _fields(text: bytes) -> list[bytes]:
    """The fields of a stat line, from the third on."""
    # The second field is the program's name, which may contain blanks and parentheses.
    return text[text.rindex(b")") + 2 :].split()


def _read(pid: int, name: str) -> bytes | None:
    try:
        handle = os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        return os.read(handle, 2048)
    except ProcessLookupError:
        return None
    finally:
        os.close(handle)
