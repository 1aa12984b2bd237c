"""The words in which attacks are written down: what is lifted, what an attacker has."""

from pathlib import Path

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
DISK = Protection.DISK
SHARED = Protection.SHARED
CRASHES = Protection.CRASHES
OOM = Protection.OOM
# Where Landlock has any rule at all, it keeps processes of other boxes from looking into this one.
LANDLOCK = frozenset({FILES, NETWORK, SIGNALS})
OUR_USERS = str(Path("/proc/self/ns/user").readlink())
EVERYTHING = frozenset(Protection)
NOTHING: frozenset[Protection] = frozenset()
KILLED = Cause.SANDBOX


def of(*protections: Protection) -> frozenset[Protection]:
    return frozenset(protections)
