"""Attacks on other processes, by becoming several, by the network, and by the pipes."""

from attack_support import (
    TREASURE,
    Cell,
    ended_from_outside,
    holds,
    made,
    process,
    reached,
    said,
    status,
    victim_answered,
    victim_ended,
    victim_hindered,
    victim_overwritten,
)
from attack_words import (
    EVERYTHING,
    FILES,
    KERNEL,
    KILLED,
    LANDLOCK,
    LIMITS,
    NETWORK,
    NOTHING,
    PRIVILEGES,
    PROCESSES,
    SHARED,
    SIGNALS,
    THREADS,
    TRACING,
    of,
)

from evolve_ai.model.agent import Cause


def network() -> list[Cell]:
    families = {"netlink": "16 3 0", "vsock": "40 1 0", "inet6": "10 1 0"}
    return [
        Cell("tcp", "tcp {tcp}", of(NETWORK), reached("tcp"), KILLED),
        Cell("tcp_listen", "tcp_listen", of(NETWORK), holds("socket:"), KILLED),
        Cell("udp", "udp {udp}", of(NETWORK), reached("udp"), KILLED),
        Cell("unix", "unix {unix}", of(NETWORK), reached("unix"), KILLED),
        Cell("abstract", "abstract {abstract}", of(NETWORK), reached("abstract"), KILLED),
        Cell("socketpair", "socketpair", of(NETWORK), holds("socket:"), KILLED),
        *(
            Cell(name, f"socket {numbers}", of(NETWORK), holds("socket:"), KILLED)
            for name, numbers in families.items()
        ),
        Cell("raw", "socket 2 3 1", of(NETWORK, PRIVILEGES), holds("socket:"), KILLED, only="root"),
        Cell("keeper", "unix {keeper_socket}", EVERYTHING, said("unix: done"), KILLED),
    ]


def processes() -> list[Cell]:
    several, executed = "8", said("\nexecuted")
    return [
        Cell("fork_bomb", f"fork clone {several}", of(PROCESSES), lambda s: s.children > 7, KILLED),
        Cell(
            "fork_sharing_memory",
            "fork_sharing_memory {own_mark}",
            of(PROCESSES),
            made("own_mark"),
            KILLED,
        ),
        # By its folder an agent is found where nothing else is left that tells of it.
        Cell("leave_its_folder", "chdir /", of(PROCESSES), process("folder", lambda t: t == "/")),
        Cell("hide", "hide", of(KERNEL), process("folder", lambda t: t == ""), only="user"),
        Cell("daemon", "daemon {own_mark}", of(PROCESSES), made("own_mark"), KILLED),
        Cell(
            "thread_bomb",
            f"threads {several}",
            of(THREADS),
            status("Threads", lambda t: int(t) > 8),
        ),
        Cell("execute", "execute execve /bin/echo", of(FILES, PROCESSES), executed, KILLED),
        Cell(
            "execute_alone", "execute execve /bin/echo", of(FILES), executed, beside=of(PROCESSES)
        ),
        Cell("execute_loader", "execute_with {loader} {tell}", of(PROCESSES), executed, KILLED),
        Cell(
            "execute_descriptor",
            "execute descriptor {tell}",
            of(FILES, PROCESSES),
            executed,
            KILLED,
        ),
        Cell("execute_memory", "execute memfd {tell}", of(KERNEL, FILES, PROCESSES), executed),
        Cell(
            "set_user_id",
            "execute_with {set_user_id} tell",
            EVERYTHING,  # without it an ordinary user can have no box at all
            said("executed: by user 0"),
            Cause.DONE,
            only="ordinary",
            beside=of(FILES, PROCESSES),
        ),
    ]


def others() -> list[Cell]:
    signals = ["kill", "kill_group", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"]
    hindrances = ["setpriority", "sched_setaffinity", "sched_setscheduler", "ioprio_set"]
    memory = "{victim} {victim_address}"
    return [
        *(
            Cell(f"signal_by_{way}", f"signal {way} {{victim}}", of(SIGNALS), victim_ended, KILLED)
            for way in signals
        ),
        Cell("end_itself_by_kill", "end_itself kill", of(SIGNALS), ended_from_outside, KILLED),
        Cell("end_itself_by_tgkill", "end_itself tgkill", of(SIGNALS), ended_from_outside, KILLED),
        Cell("end_itself_by_timer", "end_itself timer", of(SIGNALS, SHARED), ended_from_outside),
        Cell("signal_by_pidfd", "signal pidfd {victim}", of(SIGNALS, FILES), victim_ended, KILLED),
        Cell("signal_by_io", "signal_by_io {victim}", of(SIGNALS, SHARED), victim_ended),
        Cell("trace", "trace {victim}", LANDLOCK | {TRACING}, victim_hindered("tracer"), KILLED),
        Cell(
            "trace_to_landlock",
            "trace {victim}",
            LANDLOCK,
            victim_hindered("tracer"),
            beside=of(TRACING),
        ),
        Cell(
            "trace_to_seccomp",
            "trace {victim}",
            of(TRACING),
            victim_hindered("tracer"),
            KILLED,
            beside=LANDLOCK,
        ),
        Cell(
            "write_memory",
            f"write_memory {memory}",
            LANDLOCK | {TRACING},
            victim_overwritten,
            KILLED,
        ),
        Cell(
            "read_memory",
            f"read_memory {memory}",
            LANDLOCK | {TRACING},
            said(f"done: {TREASURE}"),
            KILLED,
        ),
        Cell("write_memory_by_proc", f"write_proc_mem {memory}", LANDLOCK, victim_overwritten),
        Cell(
            "take_descriptor",
            "take_descriptor {victim} 4",
            EVERYTHING,
            said("take_descriptor: done"),
            KILLED,
        ),
        *(
            Cell(
                f"hinder_by_{way}",
                f"hinder {way} {{victim}}",
                of(KERNEL),
                victim_hindered("schedule"),
            )
            for way in hindrances
        ),
        Cell(
            "hinder_by_prlimit", "hinder prlimit64 {victim}", of(LIMITS), victim_hindered("limits")
        ),
    ]


def pipes() -> list[Cell]:
    """Lies in one's own pipe; they end the liar, and nobody else."""
    lies = [
        "oversize",
        "nested",
        "length_too_long",
        "length_too_short",
        "wrong_checksum",
        "huge_array",
        "other_tick",
        "other_epoch",
        "twice",
        "goodbye_of_its_own",
        "gift_of_all",
    ]
    believed = lambda seen: seen.fault is None  # noqa: E731
    return [
        *(Cell(f"frame_{lie}", lie, NOTHING, believed, Cause.PROTOCOL) for lie in lies),
        Cell("frame_of_another", "other_id {victim_id}", NOTHING, victim_answered),
    ]
