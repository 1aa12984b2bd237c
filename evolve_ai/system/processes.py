"""Ends and limits processes, and never signals an unrelated process.

Every signal goes through a pidfd.
"""

import contextlib
import os
import resource
import select
import signal
from collections.abc import Iterable, Mapping

from evolve_ai.system.identity import Identity
from evolve_ai.system.patience import STEP, Patience

# Nothing of the user's environment reaches an agent: no tokens, no proxies, no locale.
ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}

# Python ignores SIGPIPE and SIGXFSZ; a program of any other language expects the default.
DEFAULT_SIGNALS = frozenset(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def raise_descriptor_limit() -> int:
    """Raise the soft limit of descriptors to the hard one; returns that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def send(pidfd: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, number)


def signal_one(identity: Identity, number: signal.Signals) -> bool:
    """Signal exactly this process; False when it is gone."""
    pidfd = adopt_or_none(identity)
    if pidfd is None:
        return False
    try:
        send(pidfd, number)
    finally:
        os.close(pidfd)
    return True


def ended(pidfds: Iterable[int], seconds: float) -> set[int]:
    """Wait until all of these have ended, or the time is up; returns those that have."""
    open_fds, done = set(pidfds), set()
    poll = select.poll()
    for pidfd in open_fds:
        poll.register(pidfd, select.POLLIN)
    patience = Patience(seconds)
    while open_fds:
        left = patience.left
        events = poll.poll(max(0.0, min(left, STEP)) * 1000)
        for pidfd, _ in events:
            poll.unregister(pidfd)
            open_fds.discard(pidfd)
            done.add(pidfd)
        if not events and left <= 0:
            break
    return done


def adopt_or_none(identity: Identity) -> int | None:
    """A pidfd of exactly this process; None when it is gone or another has its pid."""
    try:
        pidfd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return None
    # Checked after the pidfd was opened: a process that reused the pid has another start time.
    if identity.lives():
        return pidfd
    os.close(pidfd)
    return None


def end_strangers_left_behind(
    identities: Iterable[Identity], *, grace: float = 2.0, last: float = 2.0
) -> tuple[Identity, ...]:
    """End processes of a killed orchestrator: SIGTERM, `grace` seconds, SIGKILL.

    Returns those that still run after `last` more seconds. Reused pids are left alone.
    """
    held: dict[int, Identity] = {}
    try:
        for identity in identities:
            pidfd = adopt_or_none(identity)
            if pidfd is not None:
                held[pidfd] = identity
        left = set(held)
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, last)):
            for pidfd in left:
                send(pidfd, number)
            left -= ended(left, seconds)
        return tuple(held[pidfd] for pidfd in sorted(left))
    finally:
        for pidfd in held:
            os.close(pidfd)
