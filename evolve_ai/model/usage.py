"""What the process of an agent has used."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used: CPU seconds of all its threads, memory, number of threads."""

    cpu_seconds: float
    rss_bytes: int
    threads: int = 1
