"""What can be seen from outside: of files, of processes, of what the kernel keeps for everybody."""

import array
import ctypes
import fcntl
import os
import platform
import resource
import stat
from collections import Counter
from contextlib import suppress
from pathlib import Path

from attack_support import Seen, Signature

_FS_IOC_GETFLAGS = 0x80086601
_IOPRIO_GET = 31 if platform.machine() == "aarch64" else 252
_WHO_PROCESS = 1


def signature(path: Path) -> Signature:
    """All that can be changed of a file; empty where there is none."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    told = (found.st_ino, found.st_mode, found.st_uid, found.st_gid, found.st_nlink)
    if not path.is_file() or path.is_symlink():
        return told
    content, flags, names = b"", 0, []
    with suppress(OSError):
        content = path.read_bytes()[:4096]
        names = os.listxattr(path)
        flags = _flags(path)
    return (*told, found.st_size, found.st_mtime_ns, content, flags, *names)


def _flags(path: Path) -> int:
    """As lsattr(1) shows them."""
    buffer = array.array("l", [0])
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(handle, _FS_IOC_GETFLAGS, buffer)
    finally:
        os.close(handle)
    return buffer[0]


def standing(pid: int) -> dict[str, Signature]:
    """What others can do to a process without ending it."""
    status = _status(pid)
    try:
        io = (fields(pid)[15:17], os.sched_getscheduler(pid), *sorted(os.sched_getaffinity(pid)))
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    except (OSError, IndexError):
        return {"tracer": ("gone",), "schedule": ("gone",), "limits": ("gone",)}
    priority = (*io, _io_priority(pid))
    return {"tracer": (status.get("TracerPid"),), "schedule": priority, "limits": limits}


def fields(pid: int) -> list[str]:
    """Of /proc/<pid>/stat, those after the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _io_priority(pid: int) -> int:
    return ctypes.CDLL(None).syscall(_IOPRIO_GET, _WHO_PROCESS, pid)


def _status(pid: int) -> dict[str, str]:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
    return {}


def look_at_process(seen: Seen, pid: int) -> None:
    """While it lives."""
    at = Path(f"/proc/{pid}")
    seen.status = _status(pid)
    seen.descriptors = tuple(_link(one) for one in _listed(at / "fd"))
    seen.held_bytes = _held(at / "fd")
    seen.process = {
        "root": _link(at / "root"),
        "folder": _link(at / "cwd"),
        "user": _link(at / "ns/user"),
        "mounts": _text(at / "mounts"),
        "personality": _text(at / "personality").strip(),
        "oom_score": _text(at / "oom_score_adj").strip(),
        "core": _text(at / "limits").partition("Max core file size")[2].partition("\n")[0],
        "descriptors": _text(at / "limits").partition("Max open files")[2].partition("\n")[0],
    }


def _held(descriptors: Path) -> int:
    """Bytes on the disk, of regular files, each counted once."""
    found = {}
    for one in _listed(descriptors):
        with suppress(OSError):
            told = one.stat()
            if stat.S_ISREG(told.st_mode):
                found[told.st_dev, told.st_ino] = told.st_blocks * 512
    return sum(found.values())


def children() -> Counter[int]:
    """How many each process has."""
    found: Counter[int] = Counter()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdecimal():
                found[int(fields(int(entry.name))[1])] += 1
    return found


def what_the_kernel_keeps() -> str:
    return _text(Path("/proc/keys")) + _text(Path("/proc/sysvipc/shm"))


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []


def _link(path: Path) -> str:
    with suppress(OSError):
        return str(path.readlink())
    return ""


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(errors="replace")
    return ""
