"""Reads the limits of this machine and of this account from the kernel.

UNLIMITED stands for a limit that does not exist or cannot be read.
"""

import os
import resource
from collections.abc import Iterator
from pathlib import Path

from evolve_ai.model.capacity import UNLIMITED

PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")


def processors() -> int:
    """How many processors this process may use (sched_getaffinity(2))."""
    return len(os.sched_getaffinity(0))


def memory_total(proc: Path = PROC) -> int:
    """Bytes of this machine, or of our control group's limit, if that is less."""
    return min(_meminfo(proc, "MemTotal"), *(limit for limit, _ in _memory_groups(proc)), UNLIMITED)


def memory_available(proc: Path = PROC) -> int:
    """Bytes that programs can still get without swapping (MemAvailable in proc(5))."""
    groups = (limit - used for limit, used in _memory_groups(proc) if limit < UNLIMITED)
    return max(0, min(_meminfo(proc, "MemAvailable"), *groups, UNLIMITED))


def disk_free(*folders: Path) -> int:
    """Bytes that we may still write, on the fullest of the disks with these folders."""
    found = [os.statvfs(folder) for folder in folders if folder.exists()]
    return min((disk.f_bavail * disk.f_frsize for disk in found), default=UNLIMITED)


def inodes_free(*folders: Path) -> int:
    """Files that can still be created; UNLIMITED on file systems that count none (btrfs)."""
    found = [os.statvfs(folder) for folder in folders if folder.exists()]
    return min((disk.f_favail for disk in found if disk.f_files), default=UNLIMITED)


def descriptors() -> int:
    """Descriptors that a process of ours may have, once it has raised its soft limit."""
    return _bounded(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def machine_files(proc: Path = PROC) -> int:
    """Files that can still be opened on this machine (fs.file-max minus those in use)."""
    try:
        used, _, most = (proc / "sys/fs/file-nr").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return UNLIMITED
    return int(most) - int(used)


def process_limits(proc: Path = PROC) -> Iterator[tuple[str, int]]:
    """(name of a limit, how many processes it allows); an agent is a process of one thread."""
    yield "kernel.pid_max", _number(proc / "sys/kernel/pid_max")
    yield "kernel.threads-max", _number(proc / "sys/kernel/threads-max")
    for group in _groups(proc, "pids"):
        yield f"{group}/pids.max", _number(group / "pids.max")
    if os.geteuid() != 0:
        soft, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        yield "ulimit -u", _bounded(soft)


def pipe_pages(proc: Path = PROC) -> int:
    """Pages of full-size pipes that this user may have (pipe-user-pages-soft in pipe(7))."""
    found = _number(proc / "sys/fs/pipe-user-pages-soft")
    return UNLIMITED if os.geteuid() == 0 or found == 0 else found


def watches(proc: Path = PROC) -> int:
    """Files that this user may watch by inotify(7)."""
    return _number(proc / "sys/fs/inotify/max_user_watches")


def _meminfo(proc: Path, name: str) -> int:
    for line in (proc / "meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return UNLIMITED


def _memory_groups(proc: Path) -> Iterator[tuple[int, int]]:
    """(limit, unreclaimable use) in bytes, of our control group and those above it."""
    for group in _groups(proc, "memory"):
        limit = _number(group / "memory.max", group / "memory.limit_in_bytes")
        used = _number(group / "memory.current", group / "memory.usage_in_bytes")
        if limit < UNLIMITED // 2:  # cgroup v1 writes a huge number for "no limit"
            yield limit, max(0, used - _reclaimable(group))


def _reclaimable(group: Path) -> int:
    """Bytes of cached files, which the kernel gives up when memory is needed."""
    try:
        rows = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    facts = dict(row.split(maxsplit=1) for row in rows if " " in row)
    return int(facts.get("total_inactive_file", facts.get("inactive_file", "0")))


def _groups(proc: Path, controller: str) -> Iterator[Path]:
    """Our control group (v1 or v2) that has this controller, and the groups above it."""
    try:
        lines = (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = _CGROUPS / controllers if controllers else _CGROUPS
        here = root / path.lstrip("/")
        # In a container the path may be the outer one: there the root is our own group.
        here = here if here.is_dir() else root
        yield from (group for group in (here, *here.parents) if group.is_relative_to(root))


def _number(*paths: Path) -> int:
    """The number in the first of these files that exists; UNLIMITED for `max` or without a file."""
    for path in paths:
        try:
            return int(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
    return UNLIMITED


def _bounded(limit: int) -> int:
    return UNLIMITED if limit == resource.RLIM_INFINITY else limit
