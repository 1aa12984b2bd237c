"""Parses /proc/<pid>/stat, statm, cwd (proc(5)) where psutil is too slow or too imprecise.

The sweep reads thousands of processes per cycle, and each start and end of an agent needs the start
time of its process (benchmarks/processes.py shows the time saved). Keepers record the start time in
clock ticks: psutil adds the boot time, which shifts by a second now and then with the machine's
clock.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from evolve_ai.model.usage import Usage

_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_GONE = " (deleted)"
_PF_EXITING = 0x4
_ENDED = frozenset({b"Z", b"X"})


class Sweep:
    """Reads many processes again and again; idle ones are not parsed anew."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[bytes, Usage]] = {}

    def __call__(self, pids: Iterable[int]) -> Mapping[int, Usage]:
        """What each process has used; those that are gone are left out."""
        before, self._seen = self._seen, {}
        seen = self._seen
        for pid in pids:
            text = _read(pid, "stat")
            if text is not None:
                known = before.get(pid)
                seen[pid] = known if known and known[0] == text else (text, _usage(text))
        return {pid: found for pid, (_, found) in seen.items()}


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
