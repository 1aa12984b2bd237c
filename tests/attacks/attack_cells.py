"""The attack matrix: every attack, what stops it, and what the world shows when nothing does.

Attacks on a build are in tests/substrates/rust/test_rust_hostile_*.py.
"""

import platform
from dataclasses import replace
from pathlib import Path

from attack_support import (
    TREASURE,
    Cell,
    changed,
    ended_from_outside,
    gone,
    holds,
    kibibytes,
    larger,
    made,
    process,
    reached,
    said,
    said_the_secret,
    status,
    victim_answered,
    victim_ended,
    victim_hindered,
    victim_overwritten,
)

from evolve_ai.model.agent import Cause
from evolve_ai.model.sandbox import Protection

MIB = 1 << 20
FILE_BYTES = MIB  # the largest file of an attacker
MEMORY_BYTES = 96 * MIB
DESCRIPTORS = 32
STATE_FILES = 64
THREADS_COUNTED = 4  # of those that may have several
STATE_BYTES = 8 * MIB

FILES = Protection.FILES
NETWORK = Protection.NETWORK
PROCESSES = Protection.PROCESSES
THREADS = Protection.THREADS
SIGNALS = Protection.SIGNALS
TRACING = Protection.TRACING
KERNEL = Protection.KERNEL
METADATA = Protection.METADATA
PRIVILEGES = Protection.PRIVILEGES
LIMITS = Protection.LIMITS
# Where Landlock has any rule at all, it keeps processes of other boxes from looking into this one.
LANDLOCK = frozenset({FILES, NETWORK, SIGNALS})
OUR_USERS = str(Path("/proc/self/ns/user").readlink())
EVERYTHING = frozenset(Protection)
NOTHING: frozenset[Protection] = frozenset()
KILLED = Cause.SANDBOX

# Calls that no honest agent makes, and that a box kills for; and some it just does not have.
FORBIDDEN = """
    acct bpf chroot fanotify_init fsmount fsopen fspick init_module io_uring_enter
    io_uring_register kcmp kexec_load keyctl mount_setattr move_mount open_by_handle_at
    open_tree pivot_root process_madvise quotactl reboot request_key setdomainname sethostname
    setns settimeofday swapoff swapon syslog umount2 vhangup
""".split()  # noqa: SIM905
ABSENT = ["io_setup", "listmount", "memfd_secret", "migrate_pages", "move_pages", "statmount"]
IS_INTEL = platform.machine() == "x86_64"
# What some machines have not, or keep from everybody by settings of their own.
OF_THE_MACHINE = """
    bpf chattr chmod_of_another chmod_own fchmodat2_of_another fchmodat2_own
    hinder_by_setpriority inet6 int80 io_uring keyring message_queue mount netlink perf
    personality read_memory set_user_id shared_memory take_descriptor trace trace_to_landlock
    trace_to_seccomp userfaultfd user_namespace vsock write_memory write_memory_by_proc xattr
""".split()  # noqa: SIM905


def _of(*protections: Protection) -> frozenset[Protection]:
    return frozenset(protections)


def _elsewhere() -> list[Cell]:
    """Each place that is not the attacker's own, written to and read."""
    writes = {
        "sibling": "sibling_new",
        "sibling_state": "sibling_state_new",
        "project": "project_new",
        "home": "new",
        "tmp": "tmp",
        "by_dots": "dotted_new",
        "by_own_root": "rooted_new",
    }
    reads = {
        "sibling": "sibling_file",
        "sibling_genome": "sibling_genome",
        "project": "settings",
        "key": "key",
        "home": "file",
        "by_dots": "dotted_file",
        "environment_of_another": "bystander_environment",
    }
    stopped_by = {"environment_of_another": LANDLOCK}
    written = [
        Cell(
            f"write_in_{name}",
            f"write {{{place}}}",
            _of(FILES),
            made(place.replace("dotted_new", "dotted")),
        )
        for name, place in writes.items()
    ]
    return [
        *written,
        *(
            Cell(
                f"read_{name}",
                f"read {{{place}}}",
                stopped_by.get(name, _of(FILES)),
                said_the_secret,
            )
            for name, place in reads.items()
        ),
        Cell("read_etc", "read /etc/passwd", _of(FILES), said("root:")),
        Cell("read_proc", "read /proc/self/status", _of(FILES), said("Name:")),
        Cell("read_sys", "read /sys/kernel/profiling", _of(FILES), said("0|")),
        Cell("list_home", "list {outside}", _of(FILES), said('"file"')),
        Cell("list_agents", "list {agents}", _of(FILES), said(".victim")),
        Cell("overwrite", "overwrite {file}", _of(FILES), changed("file")),
        Cell("remove", "remove {file}", _of(FILES), gone("file")),
        Cell("make_folder", "mkdir {new}", _of(FILES), made("new")),
        Cell("move_in", "rename {file} state/taken", _of(FILES), gone("file")),
        Cell("move_out", "rename {own_state_file} {new}", _of(FILES), made("new")),
        Cell("exchange", "exchange {own_state_file} {file}", _of(FILES), changed("file")),
        Cell("empty", "truncate {file}", _of(FILES), changed("file")),
        Cell("empty_by_opening", "open_truncating {file}", _of(FILES), changed("file")),
        Cell("write_store", "overwrite {store}", _of(FILES), changed("store")),
        Cell("write_registry", "overwrite {registry}", _of(FILES), changed("registry")),
        Cell("write_own_program", "overwrite {program}", _of(FILES), changed("program")),
        Cell("write_pipe_of_another", "overwrite {victim_pipe}", _of(FILES), victim_ended),
        Cell("write_descriptor_of_another", "overwrite {victim_out}", LANDLOCK, victim_ended),
    ]


def _own_folder() -> list[Cell]:
    """What may be read, and is not its own to change."""
    places = ["manifest", "gene", "genome"]
    return [
        *(Cell(f"change_own_{one}", f"remove {{{one}}}", _of(FILES), gone(one)) for one in places),
        *(
            Cell(f"plant_{one}", f"write {{{one}}}", _of(FILES), made(one))
            for one in ("build_script", "toolchain")
        ),
        Cell("plant_cargo_config", "mkdir {cargo_folder}", _of(FILES), made("cargo_folder")),
        Cell("plant_genome", "rename {own_state_file} {genome}", _of(FILES), changed("genome")),
        Cell("replace_state", "rename {own_state} {own_other}", _of(FILES), made("own_other")),
    ]


def _names() -> list[Cell]:
    """A second name, in one's own state/, for what is elsewhere. Landlock looks at where a link
    leads, and lets none be made; nor does seccomp. `planted` is one that somebody else has made."""
    link = "state/link"
    by_two = _of(FILES, METADATA)
    return [
        Cell("symlink", f"symlink {{file}} {link}", by_two, made("own_link")),
        Cell(
            "symlink_to_seccomp",
            f"symlink {{file}} {link}",
            _of(METADATA),
            made("own_link"),
            beside=_of(FILES),
        ),
        Cell("write_by_symlink", "overwrite {planted}", _of(FILES), changed("file")),
        Cell("read_by_symlink", "read {planted}", _of(FILES), said_the_secret),
        Cell("hard_link", f"hardlink {{file}} {link}", by_two, made("own_link")),
        Cell(
            "hard_link_to_landlock",
            f"hardlink {{file}} {link}",
            _of(FILES),
            made("own_link"),
            beside=_of(METADATA),
        ),
        Cell("hard_link_to_own", f"hardlink {{manifest}} {link}", by_two, made("own_link")),
        Cell("fifo", "fifo {offer}", by_two, made("offer")),
    ]


def _metadata() -> list[Cell]:
    ways = ["chmod", "fchmod", "fchmodat", "fchmodat2"]
    return [
        *(
            Cell(
                f"{way}_own",
                f"chmod {way} {{own_state_file}}",
                _of(METADATA),
                changed("own_state_file"),
            )
            for way in ways
        ),
        *(
            Cell(f"{way}_of_another", f"chmod {way} {{file}}", _of(METADATA), changed("file"))
            for way in ways
            if way != "fchmod"
        ),
        Cell("fchmod_of_another", "chmod fchmod {file}", _of(FILES, METADATA), changed("file")),
        Cell(
            "chown", "chown {file} 12345", _of(METADATA, PRIVILEGES), changed("file"), only="root"
        ),
        Cell("utimes", "utimes {file}", _of(METADATA), changed("file")),
        Cell("xattr", "setxattr {file}", _of(METADATA), changed("file")),
        Cell("chattr", "chattr {own_state_file}", _of(KERNEL), changed("own_state_file")),
    ]


def _network() -> list[Cell]:
    families = {"netlink": "16 3 0", "vsock": "40 1 0", "inet6": "10 1 0"}
    return [
        Cell("tcp", "tcp {tcp}", _of(NETWORK), reached("tcp"), KILLED),
        Cell("tcp_listen", "tcp_listen", _of(NETWORK), holds("socket:"), KILLED),
        Cell("udp", "udp {udp}", _of(NETWORK), reached("udp"), KILLED),
        Cell("unix", "unix {unix}", _of(NETWORK), reached("unix"), KILLED),
        Cell("abstract", "abstract {abstract}", _of(NETWORK), reached("abstract"), KILLED),
        Cell("socketpair", "socketpair", _of(NETWORK), holds("socket:"), KILLED),
        *(
            Cell(name, f"socket {numbers}", _of(NETWORK), holds("socket:"), KILLED)
            for name, numbers in families.items()
        ),
        Cell(
            "raw", "socket 2 3 1", _of(NETWORK, PRIVILEGES), holds("socket:"), KILLED, only="root"
        ),
        Cell("keeper", "unix {keeper_socket}", EVERYTHING, said("unix: done"), KILLED),
    ]


def _processes() -> list[Cell]:
    several, executed = "8", said("\nexecuted")
    return [
        Cell(
            "fork_bomb", f"fork clone {several}", _of(PROCESSES), lambda s: s.children > 7, KILLED
        ),
        Cell(
            "fork_sharing_memory",
            "fork_sharing_memory {own_mark}",
            _of(PROCESSES),
            made("own_mark"),
            KILLED,
        ),
        Cell("daemon", "daemon {own_mark}", _of(PROCESSES), made("own_mark"), KILLED),
        Cell(
            "thread_bomb",
            f"threads {several}",
            _of(THREADS),
            status("Threads", lambda t: int(t) > 8),
        ),
        Cell("execute", "execute execve /bin/echo", _of(FILES, PROCESSES), executed, KILLED),
        Cell(
            "execute_alone", "execute execve /bin/echo", _of(FILES), executed, beside=_of(PROCESSES)
        ),
        Cell("execute_loader", "execute_with {loader} {tell}", _of(PROCESSES), executed, KILLED),
        Cell(
            "execute_descriptor",
            "execute descriptor {tell}",
            _of(FILES, PROCESSES),
            executed,
            KILLED,
        ),
        Cell("execute_memory", "execute memfd {tell}", _of(KERNEL, FILES, PROCESSES), executed),
        Cell(
            "set_user_id",
            "execute_with {set_user_id} tell",
            EVERYTHING,  # without it an ordinary user can have no box at all
            said("executed: by user 0"),
            Cause.DONE,
            only="ordinary",
            beside=_of(FILES, PROCESSES),
        ),
    ]


def _others() -> list[Cell]:
    signals = ["kill", "kill_group", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"]
    hindrances = ["setpriority", "sched_setaffinity", "sched_setscheduler", "ioprio_set"]
    memory = "{victim} {victim_address}"
    return [
        *(
            Cell(f"signal_by_{way}", f"signal {way} {{victim}}", _of(SIGNALS), victim_ended, KILLED)
            for way in signals
        ),
        Cell("end_itself_by_kill", "end_itself kill", _of(SIGNALS), ended_from_outside, KILLED),
        Cell("end_itself_by_tgkill", "end_itself tgkill", _of(SIGNALS), ended_from_outside, KILLED),
        Cell("end_itself_by_timer", "end_itself timer", _of(SIGNALS), ended_from_outside),
        Cell("signal_by_pidfd", "signal pidfd {victim}", _of(SIGNALS, FILES), victim_ended, KILLED),
        Cell("signal_by_io", "signal_by_io {victim}", _of(SIGNALS), victim_ended),
        Cell("trace", "trace {victim}", LANDLOCK | {TRACING}, victim_hindered("tracer"), KILLED),
        Cell(
            "trace_to_landlock",
            "trace {victim}",
            LANDLOCK,
            victim_hindered("tracer"),
            beside=_of(TRACING),
        ),
        Cell(
            "trace_to_seccomp",
            "trace {victim}",
            _of(TRACING),
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
                _of(KERNEL),
                victim_hindered("schedule"),
            )
            for way in hindrances
        ),
        Cell(
            "hinder_by_prlimit", "hinder prlimit64 {victim}", _of(LIMITS), victim_hindered("limits")
        ),
    ]


def _kernel() -> list[Cell]:
    refused = lambda s: any(f"errno Some({number})" in s.log for number in (1, 38))  # noqa: E731
    still = said("it returned: ")
    other_users = process("user", lambda text: text != OUR_USERS)
    tmpfs = process("mounts", lambda text: "/state tmpfs" in text)
    queue = lambda s: any(s.names["queue"] in one for one in s.descriptors)  # noqa: E731
    segment = lambda s: f" {s.names['key_number']} " in s.system_keys  # noqa: E731
    other_personality = process("personality", lambda text: text != "00000000")
    return [
        Cell("io_uring", "io_uring", _of(KERNEL), holds("io_uring"), KILLED),
        Cell("bpf", "bpf", _of(KERNEL, PRIVILEGES), holds("bpf"), KILLED, only="root"),
        Cell("userfaultfd", "userfaultfd", _of(KERNEL), holds("userfaultfd"), KILLED),
        Cell("perf", "perf", _of(KERNEL), holds("perf_event"), KILLED),
        Cell(
            "keyring",
            "keyring {queue}",
            _of(KERNEL),
            lambda s: s.names["queue"] in s.system_keys,
            KILLED,
        ),
        Cell("personality", "personality", _of(KERNEL), other_personality, KILLED),
        Cell("memfd", "memfd", _of(KERNEL), holds("memfd:attack")),
        Cell("shared_memory", "shared_memory {key_number}", _of(KERNEL), segment),
        Cell("message_queue", "message_queue {queue}", _of(KERNEL, FILES), queue),
        Cell("watch", "watch {outside}", _of(KERNEL, FILES), holds("inotify")),
        Cell("user_namespace", "unshare_user", _of(KERNEL), other_users, KILLED),
        Cell("mount", "mount", _of(KERNEL, PRIVILEGES, FILES), tmpfs, KILLED, only="root"),
        Cell(
            "chroot",
            "chroot {outside}",
            _of(KERNEL, PRIVILEGES),
            process("root", lambda text: text != "/"),
            KILLED,
            only="root",
        ),
        Cell("locked_file", "read {locked}", _of(PRIVILEGES), said_the_secret, only="root"),
        Cell(
            "setuid",
            "setuid 12345",
            _of(PRIVILEGES),
            status("Uid", lambda t: "12345" in t),
            only="root",
        ),
        *(Cell(f"call_{name}", f"forbidden {name}", NOTHING, still, KILLED) for name in FORBIDDEN),
        *(
            Cell(f"call_{name}", f"forbidden {name}", NOTHING, lambda s: not refused(s))
            for name in ABSENT
        ),
    ]


def _intel() -> list[Cell]:
    """Other doors, which only this architecture has."""
    if not IS_INTEL:
        return []
    return [
        Cell("x32", "x32", NOTHING, said("x32: "), KILLED),
        Cell("int80", "int80", EVERYTHING, said("int80: done"), KILLED),
        *(
            Cell(f"call_{name}", f"forbidden {name}", NOTHING, said("it returned: "), KILLED)
            for name in ("ioperm", "iopl", "modify_ldt")
        ),
    ]


def _room() -> list[Cell]:
    hoard = MEMORY_BYTES * 3 // 2
    flood = 4 * MIB
    files, piece = 40, FILE_BYTES // 2  # few enough, but large
    lives_on = lambda s: s.fault is None  # noqa: E731
    return [
        Cell("memory", f"memory {hoard}", _of(LIMITS), status("VmPeak", kibibytes(hoard >> 10))),
        Cell(
            "big_file",
            f"big_file {flood}",
            _of(LIMITS),
            larger("big", FILE_BYTES),
            Cause.CRASH,
        ),
        Cell(
            "log",
            f"log {flood}",
            _of(LIMITS),
            lambda s: s.log_bytes > FILE_BYTES + 4096,
            Cause.CRASH,
        ),
        Cell(
            "descriptors_many",
            "descriptors_many 100",
            _of(LIMITS),
            lambda s: len(s.descriptors) > 100,
        ),
        Cell(
            "raise_limit",
            "raise_limit 7 4096",
            _of(LIMITS, PRIVILEGES),
            process("descriptors", lambda text: "4096" in text),
            only="root",
        ),
        Cell("many_bytes", f"many_bytes {files} {piece}", NOTHING, lives_on, KILLED),
        Cell("many_files", "many_files 1000", NOTHING, lives_on, KILLED),
        Cell("many_files_deep", "many_folders 1000", NOTHING, lives_on, KILLED),
        Cell("many_threads", "threads 8", NOTHING, lives_on, KILLED, threads=THREADS_COUNTED),
        Cell("many_files_hidden", "many_files_hidden 1000", NOTHING, lives_on, KILLED),
        Cell("many_files_far_away", "many_files_far_away 1000", NOTHING, lives_on, KILLED),
    ]


def _belongings() -> list[Cell]:
    """What it finds itself with."""
    only_five = lambda seen: len(seen.descriptors) != 5  # noqa: E731
    return [
        # The keeper itself keeps none that could be inherited: lifted, nothing shows. For that see
        # tests/system/test_box.py.
        Cell("descriptors", "descriptors", NOTHING, only_five),
        Cell("environment", "environment", _of(Protection.ENVIRONMENT), said_the_secret),
    ]


def _pipes() -> list[Cell]:
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


_BY_FAMILY = {
    "elsewhere": _elsewhere(),
    "own_folder": _own_folder(),
    "names": _names(),
    "metadata": _metadata(),
    "network": _network(),
    "processes": _processes(),
    "others": _others(),
    "kernel": [*_kernel(), *_intel()],
    "room": _room(),
    "belongings": _belongings(),
    "pipes": _pipes(),
}
FAMILIES = {
    family: [replace(cell, by_machine=cell.name in OF_THE_MACHINE) for cell in cells]
    for family, cells in _BY_FAMILY.items()
}
CELLS = [cell for cells in FAMILIES.values() for cell in cells]
