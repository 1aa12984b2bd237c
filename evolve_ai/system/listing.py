"""What psutil tells of processes: who is there, where they stand, what they run and use."""

import contextlib
from pathlib import Path

import psutil

from evolve_ai.model.usage import Usage


def is_stopped(pid: int) -> bool:
    """By a signal (SIGSTOP, SIGTSTP); one that a debugger holds is not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def parent(pid: int) -> int | None:
    """The pid of the process that has this one for a child, or None for no such process."""
    try:
        return psutil.Process(pid).ppid()
    except psutil.NoSuchProcess:
        return None


def usage(pid: int) -> Usage | None:
    """What one process has used; None for no such process."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            cpu = process.cpu_times()
            return Usage(cpu.user + cpu.system, process.memory_info().rss, process.num_threads())
    except psutil.NoSuchProcess:
        return None


def programs_running() -> frozenset[Path]:
    """The files that are run by processes of this machine, as far as we may see them."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            found.add(Path(process.exe()))
    return frozenset(found)


def end_children(pid: int) -> None:
    """Kill what this process has started, and all that came of it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def folder_of(pid: int) -> Path | None:
    """The working folder of a process; None where there is none to be seen."""
    try:
        return Path(psutil.Process(pid).cwd())
    except (psutil.Error, OSError):
        return None


def stands_in(pid: int, folder: Path) -> bool:
    """Is this the working folder of that process?"""
    place = folder_of(pid)
    with contextlib.suppress(OSError):
        return place is not None and place.samefile(folder)
    return False


def name_of(pid: int) -> str:
    """What a process calls itself: its first word; "" for no such process."""
    try:
        return "".join(psutil.Process(pid).cmdline()[:1])
    except (psutil.Error, OSError):
        return ""
