"""The attack matrix: every attack, what stops it, and what the world shows when nothing does.

Attacks on a build are in tests/substrates/rust/test_rust_hostile_*.py.
"""

from dataclasses import replace

import cells_of_files
import cells_of_others
import cells_of_the_machine
import cells_of_what_is_shared

# What some machines have not, or keep from everybody by settings of their own.
OF_THE_MACHINE = """
    bpf chattr chmod_of_another chmod_own fchmodat2_of_another fchmodat2_own
    hinder_by_setpriority inet6 int80 io_uring keyring message_queue mount netlink perf
    personality read_memory set_user_id shared_memory take_descriptor trace trace_to_landlock
    trace_to_seccomp userfaultfd user_namespace vsock write_memory write_memory_by_proc xattr
""".split()  # noqa: SIM905

_BY_FAMILY = {
    "elsewhere": cells_of_files.elsewhere(),
    "own_folder": cells_of_files.own_folder(),
    "names": cells_of_files.names(),
    "metadata": cells_of_files.metadata(),
    "network": cells_of_others.network(),
    "processes": cells_of_others.processes(),
    "others": cells_of_others.others(),
    "kernel": [*cells_of_the_machine.kernel(), *cells_of_the_machine.intel()],
    "room": cells_of_the_machine.room(),
    "shared": [
        *cells_of_what_is_shared.disk(),
        *cells_of_what_is_shared.shared(),
        *cells_of_what_is_shared.victims(),
    ],
    "belongings": cells_of_the_machine.belongings(),
    "pipes": cells_of_others.pipes(),
}
FAMILIES = {
    family: [replace(cell, by_machine=cell.name in OF_THE_MACHINE) for cell in cells]
    for family, cells in _BY_FAMILY.items()
}
CELLS = [cell for cells in FAMILIES.values() for cell in cells]
