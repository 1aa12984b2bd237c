"""Owns what the end of a process means: its exit as a value, and the fault that it is."""

import signal as signals
from dataclasses import dataclass

from evolve_ai.model.agent import Cause, Fault

NEVER_RESTART = 125

# What only the outside sends: an agent cannot reach these by its own doing alone.
_FOREIGN = frozenset({signals.SIGKILL, signals.SIGTERM, signals.SIGINT, signals.SIGHUP})
_CAUSES = {signals.SIGXCPU: Cause.CPU, signals.SIGSYS: Cause.SANDBOX}


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: one of a code and a signal, or neither when that is lost."""

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
    def foreign(self) -> bool:
        """Whether, unless we sent it, someone else's signal ended the process."""
        return self.signal in _FOREIGN


def explain(exit: Exit, last_words: str, *, out_of_memory: bool = False) -> Fault:
    """The fault that an unasked end of an agent is."""
    reason = f"{exit}; last line of agent.log: {last_words}" if last_words else str(exit)
    if exit.code == 0:
        return Fault(Cause.DONE, reason)
    if exit.code == NEVER_RESTART:
        return Fault(Cause.NEVER_RESTART, reason)
    if out_of_memory and exit.signal == signals.SIGKILL:
        return Fault(Cause.OOM, reason)
    if exit.signal is not None and exit.signal in _CAUSES:
        return Fault(_CAUSES[signals.Signals(exit.signal)], reason)
    return Fault(Cause.CRASH, reason)
