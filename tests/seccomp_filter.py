"""A kernel without some system call, for all that a program can see: a filter of seccomp(2)."""

import errno
import struct

_LOAD_NUMBER = (0x20, 0, 0, 0)  # BPF_LD | BPF_W | BPF_ABS, seccomp_data.nr
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def without_system_call(number: int, answer: int = errno.ENOSYS) -> bytes:
    """As `bwrap --seccomp` reads it; the call answers as one that there is not, or as told."""
    program = (
        _LOAD_NUMBER,
        (0x15, 0, 1, number),  # BPF_JMP | BPF_JEQ: on to the next line, or over it
        (0x06, 0, 0, _ERRNO | answer),  # BPF_RET
        (0x06, 0, 0, _ALLOW),
    )
    return b"".join(struct.pack("<HBBI", *line) for line in program)
