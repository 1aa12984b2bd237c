"""What a process of an agent has used of the machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU in seconds of all its threads, memory, how many threads."""

    cpu_seconds: float
    rss_bytes: int
    threads: int = 1
