"""Attacks on the kernel, on the room that there is, and on what is inherited."""

import platform

from attack_support import (
    Cell,
    holds,
    kibibytes,
    larger,
    process,
    said,
    said_the_secret,
    status,
)
from attack_words import (
    EVERYTHING,
    FILE_BYTES,
    FILES,
    KERNEL,
    KILLED,
    LIMITS,
    MEMORY_BYTES,
    MIB,
    NOTHING,
    OUR_USERS,
    PRIVILEGES,
    THREADS_COUNTED,
    of,
)

from evolve_ai.model.agent import Cause
from evolve_ai.model.sandbox import Protection

# Calls that no honest agent makes, and that a box kills for; and some it just does not have.
FORBIDDEN = """
    acct bpf chroot fanotify_init fsmount fsopen fspick init_module io_uring_enter
    io_uring_register kcmp kexec_load keyctl mount_setattr move_mount open_by_handle_at
    open_tree pivot_root process_madvise quotactl reboot request_key setdomainname sethostname
    setns settimeofday swapoff swapon syslog umount2 vhangup
""".split()  # noqa: SIM905
ABSENT = ["io_setup", "listmount", "memfd_secret", "migrate_pages", "move_pages", "statmount"]
IS_INTEL = platform.machine() == "x86_64"


def kernel() -> list[Cell]:
    refused = lambda s: any(f"errno Some({number})" in s.log for number in (1, 38))  # noqa: E731
    still = said("it returned: ")
    other_users = process("user", lambda text: text != OUR_USERS)
    tmpfs = process("mounts", lambda text: "/state tmpfs" in text)
    queue = lambda s: any(s.names["queue"] in one for one in s.descriptors)  # noqa: E731
    segment = lambda s: f" {s.names['key_number']} " in s.system_keys  # noqa: E731
    other_personality = process("personality", lambda text: text != "00000000")
    return [
        Cell("io_uring", "io_uring", of(KERNEL), holds("io_uring"), KILLED),
        Cell("bpf", "bpf", of(KERNEL, PRIVILEGES), holds("bpf"), KILLED, only="root"),
        Cell("userfaultfd", "userfaultfd", of(KERNEL), holds("userfaultfd"), KILLED),
        Cell("perf", "perf", of(KERNEL), holds("perf_event"), KILLED),
        Cell(
            "keyring",
            "keyring {queue}",
            of(KERNEL),
            lambda s: s.names["queue"] in s.system_keys,
            KILLED,
        ),
        Cell("personality", "personality", of(KERNEL), other_personality, KILLED),
        Cell("memfd", "memfd", of(KERNEL), holds("memfd:attack")),
        Cell("shared_memory", "shared_memory {key_number}", of(KERNEL), segment),
        Cell("message_queue", "message_queue {queue}", of(KERNEL, FILES), queue),
        Cell("watch", "watch {outside}", of(KERNEL, FILES), holds("inotify")),
        Cell("user_namespace", "unshare_user", of(KERNEL), other_users, KILLED),
        Cell("mount", "mount", of(KERNEL, PRIVILEGES, FILES), tmpfs, KILLED, only="root"),
        Cell(
            "chroot",
            "chroot {outside}",
            of(KERNEL, PRIVILEGES),
            process("root", lambda text: text != "/"),
            KILLED,
            only="root",
        ),
        Cell("locked_file", "read {locked}", of(PRIVILEGES), said_the_secret, only="root"),
        Cell(
            "setuid",
            "setuid 12345",
            of(PRIVILEGES),
            status("Uid", lambda t: "12345" in t),
            only="root",
        ),
        *(Cell(f"call_{name}", f"forbidden {name}", NOTHING, still, KILLED) for name in FORBIDDEN),
        *(
            Cell(f"call_{name}", f"forbidden {name}", NOTHING, lambda s: not refused(s))
            for name in ABSENT
        ),
    ]


def intel() -> list[Cell]:
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


def room() -> list[Cell]:
    hoard = MEMORY_BYTES * 3 // 2
    flood = 4 * MIB
    files, piece = 40, FILE_BYTES // 2  # few enough, but large
    lives_on = lambda s: s.fault is None  # noqa: E731
    return [
        Cell("memory", f"memory {hoard}", of(LIMITS), status("VmPeak", kibibytes(hoard >> 10))),
        Cell(
            "big_file",
            f"big_file {flood}",
            of(LIMITS),
            larger("big", FILE_BYTES),
            Cause.CRASH,
        ),
        Cell(
            "log",
            f"log {flood}",
            of(LIMITS),
            lambda s: s.log_bytes > FILE_BYTES + 4096,
            Cause.CRASH,
        ),
        Cell(
            "descriptors_many",
            "descriptors_many 100",
            of(LIMITS),
            lambda s: len(s.descriptors) > 100,
        ),
        Cell(
            "raise_limit",
            "raise_limit 7 4096",
            of(LIMITS, PRIVILEGES),
            process("descriptors", lambda text: "4096" in text),
            only="root",
        ),
        Cell("many_bytes", f"many_bytes {files} {piece}", NOTHING, lives_on, KILLED),
        Cell("many_bytes_removed", f"many_removed 20 {piece}", NOTHING, lives_on, KILLED),
        Cell("many_bytes_mapped", f"many_mapped 40 {piece}", NOTHING, lives_on, KILLED),
        Cell("many_files", "many_files 1000", NOTHING, lives_on, KILLED),
        Cell("many_files_deep", "many_folders 1000", NOTHING, lives_on, KILLED),
        Cell("many_threads", "threads 8", NOTHING, lives_on, KILLED, threads=THREADS_COUNTED),
        Cell("many_files_hidden", "many_files_hidden 1000", NOTHING, lives_on, KILLED),
        Cell("many_files_far_away", "many_files_far_away 1000", NOTHING, lives_on, KILLED),
    ]


def belongings() -> list[Cell]:
    """What it finds itself with."""
    only_five = lambda seen: len(seen.descriptors) != 5  # noqa: E731
    return [
        # The keeper itself keeps none that could be inherited: lifted, nothing shows. For that see
        # tests/parts/system/test_box.py.
        Cell("descriptors", "descriptors", NOTHING, only_five),
        Cell("environment", "environment", of(Protection.ENVIRONMENT), said_the_secret),
    ]
