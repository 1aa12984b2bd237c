"""How processes end: the limits they run under, the exit as a value, and the resulting fault."""

import re
import signal as signals
from dataclasses import dataclass

from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.settings import SuperviseSettings

NEVER_RESTART = 125
MEMORY_BYTES = 512 * 1024 * 1024
_LEAST_FILE_BYTES = 16 * 1024 * 1024
_LOGS_IN_A_FILE = 16
_ALLOCATION_FAILED = re.compile(r"memory allocation of \d+ bytes failed")

# Signals that come from outside: an agent does not cause them by its own doing alone.
_FOREIGN = frozenset({signals.SIGKILL, signals.SIGTERM, signals.SIGINT, signals.SIGHUP})
_CAUSES = {signals.SIGXCPU: Cause.CPU, signals.SIGSYS: Cause.SANDBOX}


@dataclass(frozen=True, slots=True)
class Room:
    """What a process may use: the size of a file it writes, its address space, its open files."""

    file_bytes: int = _LEAST_FILE_BYTES
    memory_bytes: int = MEMORY_BYTES
    descriptors: int = 64

    @classmethod
    def of(cls, settings: SuperviseSettings) -> "Room":
        """Logs are trimmed only now and then, so a file may be much longer than `log_bytes`."""
        file_bytes = max(_LOGS_IN_A_FILE * settings.log_bytes, _LEAST_FILE_BYTES)
        return cls(settings.file_bytes or file_bytes, settings.memory_bytes, settings.descriptors)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by an exit code or a signal; neither is set when that is unknown."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        if self.code is not None:
            return f"exited with code {self.code}"
        if self.signal is None:
            return "ended, its exit code is lost"
        try:
            return f"killed by {signals.Signals(self.signal).name} ({self.signal})"
        except ValueError:
            return f"killed by signal {self.signal}"

    @property
    def known(self) -> bool:
        return self.code is not None or self.signal is not None

    @property
    def orphaned(self) -> bool:
        """True if an agent ended because it had heard nothing for the orphan time (alarm(2))."""
        return self.signal == signals.SIGALRM

    @property
    def foreign(self) -> bool:
        """True if a signal from outside ended the process, provided that we did not send it."""
        return self.signal in _FOREIGN


def explain(
    exit: Exit, last_words: str, *, out_of_memory: bool = False, room: Room | None = None
) -> Fault:
    """The fault of an agent that ended without being asked to."""
    room = room or Room()
    burst = exit.signal == signals.SIGABRT and _ALLOCATION_FAILED.search(last_words)
    reason = str(exit)
    if burst:
        reason += f", its memory is limited to {room.memory_bytes} bytes"
    if exit.signal == signals.SIGXFSZ:
        reason += f", wrote more than {room.file_bytes} bytes to its log or a file"
    if last_words:
        reason += f"; last line of agent.log: {last_words}"
    if not exit.known:
        return Fault(Cause.UNKNOWN, reason)
    if exit.code == 0:
        return Fault(Cause.DONE, reason)
    if exit.code == NEVER_RESTART:
        return Fault(Cause.NEVER_RESTART, reason)
    if burst or (out_of_memory and exit.signal == signals.SIGKILL):
        return Fault(Cause.OOM, reason)
    if exit.signal is not None and exit.signal in _CAUSES:
        return Fault(_CAUSES[signals.Signals(exit.signal)], reason)
    return Fault(Cause.CRASH, reason)
