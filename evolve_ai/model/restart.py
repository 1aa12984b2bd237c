"""The rules of restarting: delays, quarantine, and when all restarts pause.

A pure state machine on a number line. In lockstep its unit is a cycle, so that history does not
depend on a clock; in free mode it is a second of the machine's monotonic clock. Such a line never
runs backwards, but a record may come from another line: so times in the future are not believed.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from evolve_ai.model.agent import AgentRecord, Cause, Fault

FIRST_DELAY = 0.5
MAX_DELAY = 60.0
JITTER = 0.25
LONGEST_DELAY = MAX_DELAY * (1 + JITTER)
HEALTHY_UNITS = 30
FAILURES_ALLOWED = 5
FAILURE_WINDOW = 300
# A limit for restarts after crashes; first and planned starts are exempt.
CRASH_RESTARTS_A_UNIT = 100
BREAKER_SHARE = 0.2
BREAKER_LEAST = 5

# Causes after which another start may succeed.
CRASHES = frozenset(
    {
        Cause.CRASH,
        Cause.OOM,
        Cause.CPU,
        Cause.HANG,
        Cause.PROTOCOL,
        Cause.SANDBOX,
        Cause.UNKNOWN,
    }
)
# Causes that another start of the same code and genome cannot remove.
HOPELESS = frozenset({Cause.BUILD, Cause.AUDIT, Cause.GENOME, Cause.SIGNATURE})


@dataclass(frozen=True, slots=True)
class Line:
    """A number line for the times of restarts, and the words for them.

    `breaker_window` is how long ago a crash may be to count with the ones judged now.
    """

    unit: str
    whole: bool
    breaker_window: float
    breaker_pause: float
    window_said: str
    pause_said: str


# A judgement covers one cycle: earlier crashes were judged before, and are in the records.
CYCLES = Line("cycles", True, 0.0, 2.0, "in one cycle", "a cycle")
SECONDS = Line("seconds", False, 60.0, 60.0, "within 60 seconds", "60 seconds")


@dataclass(frozen=True, slots=True)
class Wait:
    """The agent may start again at this time."""

    until: float


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The agent is set aside for this fault until its code changes or an operator revives it."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class End:
    """The agent dies, since it ended by its own wish."""


Verdict = Wait | Quarantine | End


@dataclass(frozen=True, slots=True)
class Backoff:
    """The state that decides about restarts of one agent; all times are on one line.

    `failures` are those that still count, `consecutive` how many came in a row; `refusals` counts
    how often in a row the machine had no room for it. `retry_at` is the time that it waits for
    (None: it waits for none), `started_at` since when it runs (None: not running, or unknown).
    """

    failures: tuple[float, ...] = ()
    consecutive: int = 0
    refusals: int = 0
    retry_at: float | None = None
    started_at: float | None = None

    def failed(
        self, fault: Fault, now: float, draw: float, line: Line
    ) -> tuple["Backoff", Verdict]:
        """The state after a failure, and the verdict; `draw` is uniform in [0, 1).

        A process that we ended (`planned`) is no failure: it starts again at once. Every cause that
        is neither planned, a crash nor hopeless (done, never-restart, the deaths) means End.
        """
        if fault.cause is Cause.PLANNED:
            return replace(self, retry_at=now, started_at=None), Wait(now)
        if fault.cause not in CRASHES | HOPELESS:
            return replace(self, retry_at=None, started_at=None), End()
        recent = (*(past for past in self.failures if 0 <= now - past < FAILURE_WINDOW), now)
        row = self.healthy(now).consecutive + 1
        if fault.cause in HOPELESS:
            return Backoff(recent, row), Quarantine(fault)
        if len(recent) >= FAILURES_ALLOWED:
            reason = f"failed {len(recent)} times within {FAILURE_WINDOW} {line.unit}, at last: "
            return Backoff(recent, row), Quarantine(Fault(fault.cause, reason + fault.reason))
        until = now + delay(row, draw, line)
        return Backoff(recent, row, retry_at=until), Wait(until)

    def refused(self, now: float, draw: float, line: Line) -> "Backoff":
        """The state after the machine had no room to start it, which is not its own failure."""
        until = now + delay(self.refusals + 1, draw, line)
        return replace(self, refusals=self.refusals + 1, retry_at=until, started_at=None)

    def started(self, now: float) -> "Backoff":
        return replace(self, refusals=0, retry_at=None, started_at=now)

    def healthy(self, now: float) -> "Backoff":
        """The state without failures in a row, if it has run well for long enough."""
        if self.started_at is None or not self.consecutive:
            return self
        if now < self.started_at:
            return replace(self, started_at=now)
        return self if now - self.started_at < HEALTHY_UNITS else replace(self, consecutive=0)

    def forgiven(self) -> "Backoff":
        """The state after its code changed or an operator revived it: nothing counts any more."""
        return Backoff()

    @property
    def eventful(self) -> bool:
        """True if the future depends on any of these times."""
        return bool(self.failures or self.consecutive) or self.retry_at is not None

    def moved(self, now: float) -> "Backoff":
        """The state on another line: a waiting agent is due, and a running one has just begun."""
        return replace(
            self,
            failures=(),
            retry_at=None if self.retry_at is None else now,
            started_at=None if self.started_at is None else now,
        )

    def put_off(self, until: float) -> "Backoff":
        """The state of an agent that, if it waits, waits at least until then."""
        if self.retry_at is None:
            return self
        return replace(self, retry_at=max(self.retry_at, until))

    def due(self, now: float) -> bool:
        """True if it may start now. A wait that is longer than any delay is ignored."""
        if self.retry_at is None or self.retry_at <= now:
            return True
        jumped_back = bool(self.failures) and now < self.failures[-1]
        return jumped_back or self.retry_at - now > LONGEST_DELAY


def delay(consecutive: int, draw: float, line: Line) -> float:
    """Units to wait after so many failures in a row; jitter keeps agents from starting together."""
    # The cap holds from 2**7 on; larger exponents could overflow.
    plain = min(MAX_DELAY, FIRST_DELAY * 2.0 ** min(consecutive, 7))
    jittered = plain * (1 - JITTER + 2 * JITTER * draw)
    return max(1, round(jittered)) if line.whole else jittered


class Due(NamedTuple):
    """A crashed agent whose delay is over; sorting gives the order of admission."""

    retry_at: float
    place: int
    id: str


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of recent restarts of crashed agents of a population."""

    restarts: tuple[float, ...] = ()

    def room(self, now: float) -> int:
        """How many crashed agents may still be restarted now."""
        return CRASH_RESTARTS_A_UNIT - len(self._lately(now))

    def admit(self, due: Iterable[Due], now: float) -> tuple[frozenset[str], "Pace"]:
        """The agents to restart now; the others stay due."""
        admitted = sorted(due)[: self.room(now)]
        restarts = (*self._lately(now), *(now for _ in admitted))
        return frozenset(one.id for one in admitted), Pace(restarts)

    def _lately(self, now: float) -> tuple[float, ...]:
        return tuple(past for past in self.restarts if 0 <= now - past < 1)


def counts_for_breaker(failures: tuple[float, ...], now: float, line: Line) -> bool:
    """True if an agent with these failures has crashed recently enough for the breaker."""
    return bool(failures) and 0 <= now - failures[-1] < line.breaker_window


def breaker(ran: int, crashes: Iterable[Fault | None], line: Line) -> str | None:
    """Why restarts pause: too many of the running agents crashed. None if they did not.

    In `crashes`, None stands for a crash whose reason is forgotten. Faults whose cause is no crash
    do not count.
    """
    crashed = [fault for fault in crashes if fault is None or fault.cause in CRASHES]
    if len(crashed) < BREAKER_LEAST or len(crashed) <= BREAKER_SHARE * ran:
        return None
    told = f"{len(crashed)} of {ran} running agents failed {line.window_said}"
    known = [fault for fault in crashed if fault is not None]
    if not known:
        return told
    cause, count = _commonest([str(fault.cause) for fault in known])
    reason, _ = _commonest([fault.reason for fault in known if str(fault.cause) == cause])
    return f"{told}, {count} of them by {cause}, most often: {reason}"


def _commonest(items: list[str]) -> tuple[str, int]:
    return min(Counter(items).items(), key=lambda pair: (-pair[1], pair[0]))


def backoff_of(record: AgentRecord) -> Backoff:
    return Backoff(
        record.failures,
        record.consecutive_failures,
        record.refusals,
        record.retry_at,
        record.started_at,
    )


def with_backoff(record: AgentRecord, backoff: Backoff) -> AgentRecord:
    return replace(
        record,
        failures=backoff.failures,
        consecutive_failures=backoff.consecutive,
        refusals=backoff.refusals,
        retry_at=backoff.retry_at,
        started_at=backoff.started_at,
    )
