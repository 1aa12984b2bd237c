"""Identifies a process by more than its pid, which can be reused."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve_ai.system.proc_stat import runs_since, start_ticks


@dataclass(frozen=True, slots=True)
class Identity:
    """A process, distinct from all others. `start_time` is in clock ticks since boot."""

    pid: int
    start_time: int
    boot_id: str

    def to_map(self) -> dict[str, Any]:
        return {"pid": self.pid, "start_time": self.start_time, "boot_id": self.boot_id}

    @staticmethod
    def from_map(body: Mapping[str, Any]) -> "Identity | None":
        pid, start, boot = body.get("pid"), body.get("start_time"), body.get("boot_id")
        if type(pid) is int and pid > 0 and type(start) is int and type(boot) is str:
            return Identity(pid, start, boot)
        return None

    def lives(self) -> bool:
        """True if exactly this process runs; False for a zombie."""
        return self.boot_id == boot_id() and runs_since(self.pid, self.start_time)


@functools.cache
def boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def identify(pid: int) -> Identity | None:
    ticks = start_ticks(pid)
    return None if ticks is None else Identity(pid, ticks, boot_id())


def out_of_memory_kills() -> int:
    """How often the kernel has killed for want of memory since boot (0 if it does not say)."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
