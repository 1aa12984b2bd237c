"""Owns the rules of restarting: who waits how long, who is quarantined, when all must pause.

Counted in cycles, a second being one cycle, so that history does not depend on a clock.
"""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from evolve_ai.model.agent import Cause, Fault

FIRST_DELAY = 0.5
MAX_DELAY = 60.0
JITTER = 0.25
HEALTHY_CYCLES = 30
FAILURES_ALLOWED = 5
FAILURE_WINDOW = 300
# First and planned starts are exempt.
CRASH_RESTARTS_A_CYCLE = 100
BREAKER_SHARE = 0.2
BREAKER_LEAST = 5

# What another start might mend.
CRASHES = frozenset({Cause.CRASH, Cause.OOM, Cause.CPU, Cause.HANG, Cause.PROTOCOL, Cause.SANDBOX})
# What another start of the same code and genome cannot mend.
HOPELESS = frozenset({Cause.BUILD, Cause.AUDIT, Cause.GENOME})


class Verdict(StrEnum):
    """What becomes of an agent that has failed."""

    WAIT = "wait"
    QUARANTINE = "quarantine"
    END = "end"


@dataclass(frozen=True, slots=True)
class Decision:
    """`failures` are the cycles of those that still count, `consecutive` how many in a row."""

    verdict: Verdict
    retry_cycle: int
    failures: tuple[int, ...]
    consecutive: int


def after_failure(
    failures: tuple[int, ...],
    consecutive: int,
    cause: Cause,
    cycle: int,
    rng: random.Random,
) -> Decision:
    """What becomes of an agent after a failure in this cycle.

    Ended by us (`planned`) is no failure: it starts again at once. Every cause that is neither
    planned, a crash nor hopeless (done, never-restart, the deaths) is the end.
    """
    if cause is Cause.PLANNED:
        return Decision(Verdict.WAIT, cycle, failures, consecutive)
    if cause not in CRASHES | HOPELESS:
        return Decision(Verdict.END, cycle, failures, consecutive)
    recent = (*(past for past in failures if cycle - past < FAILURE_WINDOW), cycle)
    row = consecutive + 1
    if cause in HOPELESS or len(recent) >= FAILURES_ALLOWED:
        return Decision(Verdict.QUARANTINE, cycle, recent, row)
    return Decision(Verdict.WAIT, cycle + delay(row, rng), recent, row)


def delay(consecutive: int, rng: random.Random) -> int:
    """Cycles to wait after so many failures in a row, with jitter, so that no herd returns."""
    # Past 2**7 the cap holds anyway; a long row must not overflow.
    plain = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(consecutive, 7))
    return max(1, round(plain * rng.uniform(1 - JITTER, 1 + JITTER)))


def after_health(consecutive: int, started_cycle: int, cycle: int) -> int:
    """Failures in a row, forgotten by who has run well for long enough since its last start."""
    return 0 if cycle - started_cycle >= HEALTHY_CYCLES else consecutive


def breaker(running: int, faults: Iterable[Fault]) -> str | None:
    """Why restarts pause for this cycle: too many of those that ran have crashed in it."""
    crashes = [fault for fault in faults if fault.cause in CRASHES]
    if len(crashes) < BREAKER_LEAST or len(crashes) <= BREAKER_SHARE * running:
        return None
    cause, count = _commonest([str(fault.cause) for fault in crashes])
    reason, _ = _commonest([fault.reason for fault in crashes if str(fault.cause) == cause])
    return (
        f"{len(crashes)} of {running} running agents failed in one cycle, "
        f"{count} of them by {cause}, most often: {reason}"
    )


def _commonest(items: list[str]) -> tuple[str, int]:
    return min(Counter(items).items(), key=lambda pair: (-pair[1], pair[0]))
