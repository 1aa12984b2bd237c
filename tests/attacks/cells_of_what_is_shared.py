"""Attacks on what is counted for all processes of a user together, and on who goes first."""

from attack_support import Cell, holds, process, said, status
from attack_words import (
    CRASHES,
    DISK,
    FILE_BYTES,
    FILES,
    KILLED,
    MIB,
    NETWORK,
    OOM,
    SHARED,
    SIGNALS,
    of,
)

TIMERS = 300
RESERVED = 32 * MIB


def disk() -> list[Cell]:
    """Room that no size of a file tells of, nor a limit on it (fallocate(2))."""
    reserved = lambda seen: seen.held_bytes > 2 * FILE_BYTES  # noqa: E731
    return [
        Cell("reserve_in_log", f"reserve log {RESERVED}", of(DISK), reserved),
        Cell("reserve_in_unlinked", f"reserve unlinked {RESERVED}", of(DISK), reserved),
        Cell(
            "nameless",
            f"nameless {FILE_BYTES}",
            of(DISK),
            lambda seen: seen.held_bytes >= FILE_BYTES,
        ),
    ]


def shared() -> list[Cell]:
    queued = lambda text: int(text.partition("/")[0]) >= TIMERS  # noqa: E731
    locked = lambda text: int(text.split()[0]) > 0  # noqa: E731
    return [
        Cell("timers", f"timers {TIMERS}", of(SHARED), status("SigQ", queued)),
        Cell("signals_with_values", f"queue_signals {TIMERS}", of(SHARED), status("SigQ", queued)),
        Cell("watches", "epoll", of(SHARED), holds("eventpoll")),
        Cell("pipes", "pipes 8", of(SHARED), holds("pipe:")),
        Cell("locks_of_bytes", "lock_bytes fcntl 100", of(SHARED), said("lock_bytes: done")),
        Cell("locks_of_descriptors", "lock_bytes ofd 100", of(SHARED), said("lock_bytes: done")),
        Cell("lock_of_a_library", "flock {loader}", of(SHARED), said("flock: done")),
        Cell("lease", "lease", of(SHARED, SIGNALS), said("lease: done")),
        Cell("locked_memory", "lock_memory", of(SHARED), status("VmLck", locked)),
        Cell(
            "descriptors_in_flight",
            "descriptors_in_flight 20",
            of(NETWORK),
            said("descriptors_in_flight: done"),
            KILLED,
        ),
    ]


def victims() -> list[Cell]:
    """Of what the kernel does to a process that does nothing for it."""
    other_score = process("oom_score", lambda text: text != "1000")
    cores = process("core", lambda text: text.split()[:2] != ["1", "1"])
    return [
        Cell("be_spared", "idle", of(OOM), other_score),
        # Root that has lost its rights may not, whatever is lifted: it was set by one who had them.
        Cell("spare_itself", "spare_itself", of(FILES), other_score, only="user"),
        Cell("leave_a_core", "idle", of(CRASHES), cores),
    ]
