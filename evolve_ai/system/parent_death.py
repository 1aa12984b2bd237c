"""Lets a forked process end with its parent, however that ends (PR_SET_PDEATHSIG, prctl(2))."""

import ctypes
import os
import signal

_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)  # before any fork: a child of several threads must not load anything


def end_with_parent(parent: int) -> None:
    """Call it in the child; `parent` is the pid of the process that forked it, whose forking thread
    must outlive the child."""
    _libc.prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before the call
        os._exit(1)
