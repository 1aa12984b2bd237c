"""Starts child processes from a server that has imported their modules once."""

import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from evolve_ai.executors.worker import DECIDED_BY_PARENT

_preloads: dict[str, None] = {}  # in the order of the requests


def children(preload: Sequence[str] = ()) -> Any:
    """The multiprocessing context that makes processes and pipes to them.

    All callers share one server: it imports what any of them asked to `preload` before its first
    child starts.
    """
    forkserver = "forkserver" in multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if forkserver else "spawn")
    _preloads.update(dict.fromkeys(preload))
    context.set_forkserver_preload(list(_preloads))
    return context


def begin(process: BaseProcess) -> None:
    """Start a process of this context."""
    with _main_stays_home(), _signals_held():
        process.start()


@contextmanager
def _main_stays_home() -> Iterator[None]:
    """Keep a new process from importing the main module, which means the whole command line."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _signals_held() -> Iterator[None]:
    """Start a process with those signals blocked about which the parent decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, DECIDED_BY_PARENT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
