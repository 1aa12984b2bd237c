"""Answers questions about processes with psutil: parents, folders, programs, use of resources."""

import contextlib
from pathlib import Path

import psutil

from evolve_ai.model.usage import Usage
from evolve_ai.system.proc_stat import folder_of


def is_stopped(pid: int) -> bool:
    """True if a signal (SIGSTOP, SIGTSTP) has stopped it; False if a debugger has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def parent(pid: int) -> int | None:
    """The pid of its parent, or None for no such process."""
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
    """The program files of all processes of this machine that we may see."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            found.add(Path(process.exe()))
    return frozenset(found)


def end_children(pid: int) -> None:
    """Kill all descendants of this process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def stands_in(pid: int, folder: Path) -> bool:
    """True if this is the working folder of that process."""
    place = folder_of(pid)
    with contextlib.suppress(OSError):
        return place is not None and place.samefile(folder)
    return False


def name_of(pid: int) -> str:
    """The argv[0] of a process, which it can change; "" for no such process."""
    try:
        return "".join(psutil.Process(pid).cmdline()[:1])
    except (psutil.Error, OSError):
        return ""
