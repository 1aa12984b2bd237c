"""Keeps a Python function imported, and forks for each evaluation by it.

    python server.py FILE.py:FUNCTION FOLDER...

It runs in a box; the watcher of that holds the other end of descriptor 3, and ends all processes
but this one after each evaluation (evolve_ai/keeper/src/trial_server.rs). A function whose file,
when imported, leaves behind what all evaluations would share (open files, threads, processes,
shared memory, something in one of the FOLDERs) is unfit: it is then imported for each evaluation.
"""

from __future__ import annotations

import sys

sys.path[:1] = []  # our own folder: its modules are none of the evaluator's

import array
import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.util
import os
import resource
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

HANDLE = 3
MOST_WORDS = 1 << 17
OF_A_TRIAL = ("EVOLVE_SEED", "EVOLVE_STAGE")
LIMITS = [getattr(resource, name) for name in sorted(dir(resource)) if name.startswith("RLIMIT_")]
# Linux's numbers (prctl(2), landlock(7)): the same for all processors that have boxes.
DUMPABLE = 4
CREATE_RULESET, RESTRICT_SELF = 444, 446
SCOPED = 6  # the first version of Landlock that keeps signals in
SIGNALS_AND_SOCKETS = 3


class Unfit(Exception):
    """Why evaluations must not share one import."""


def main(words: Sequence[str]) -> int:
    watcher = socket.socket(fileno=HANDLE)
    watcher.set_inheritable(False)
    try:
        wall = Wall()
        harness = beside("harness")
        with watched_environment():
            function = imported(harness, words[0])
        refuse_what_is_shared(words[1:], (HANDLE, wall.handle))
    except BaseException as error:
        if not isinstance(error, Unfit):
            traceback.print_exc()
            sys.stderr.flush()
        watcher.send(("unfit %s: %s" % (type(error).__name__, error)).encode()[:1000])
        return 1
    serve(watcher, wall, lambda words: evaluate(harness, function, words))
    return 0


def evaluate(harness: Any, function: Callable[..., Any], words: Sequence[str]) -> int:
    """`words`: how many variables there are, these, and what the harness takes."""
    count = int(words[0])
    for word in words[1 : 1 + count]:
        name, _, value = word.partition("=")
        os.environ[name] = value
    return harness.run(lambda: function, words[1 + count :])  # type: ignore[no-any-return]


def beside(name: str) -> Any:
    """A module of our own folder."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".py")
    spec = importlib.util.spec_from_file_location("evolve_" + name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def imported(harness: Any, name: str) -> Callable[..., Any]:
    try:
        return harness.load(name)  # type: ignore[no-any-return]
    except harness.Fault as fault:
        raise Unfit(fault.args[1]) from None


class Watched(type(os.environ)):  # type: ignore[misc]
    """The environment, which notes who asks for variables that each evaluation has of its own."""

    def __getitem__(self, name: str) -> str:
        if name in OF_A_TRIAL:
            raise Unfit("its file asks for %s when it is imported" % name)
        return super().__getitem__(name)  # type: ignore[no-any-return]


@contextlib.contextmanager
def watched_environment() -> Iterator[None]:
    before = type(os.environ)
    os.environ.__class__ = Watched
    try:
        yield
    finally:
        os.environ.__class__ = before


def refuse_what_is_shared(folders: Sequence[str], ours: Sequence[int]) -> None:
    """Raises Unfit."""
    if threading.active_count() > 1:
        raise Unfit("its file starts threads when it is imported")
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        raise Unfit("its file starts processes when it is imported")
    for name in os.listdir("/proc/self/fd"):
        handle = int(name)
        if handle > 2 and handle not in ours and os.path.exists("/proc/self/fd/%s" % name):
            raise Unfit("its file leaves files open when it is imported")
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        if any(line.split()[1] == "rw-s" for line in maps):
            raise Unfit("its file makes shared memory when it is imported")
    # Toolchains make hidden files at home; they make them again.
    written = [name for folder in folders for name in os.listdir(folder) if name[:1] != "."]
    if written:
        raise Unfit("its file writes files when it is imported: %s" % ", ".join(written[:3]))


class Wall:
    """What a fork cannot pass: it can neither signal this process nor look into it."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        version = self._libc.syscall(CREATE_RULESET, None, 0, 1)
        if version < SCOPED:
            raise Unfit("Landlock of this kernel does not keep signals in (Linux 6.12)")
        asked = (ctypes.c_uint64 * 3)(0, 0, SIGNALS_AND_SOCKETS)
        self.handle = self._libc.syscall(CREATE_RULESET, asked, ctypes.sizeof(asked), 0)
        if self.handle < 0:
            raise Unfit("Landlock refuses: errno %s" % ctypes.get_errno())

    def hide(self) -> None:
        self._libc.prctl(DUMPABLE, 0, 0, 0, 0)

    def enter(self) -> None:
        if self._libc.syscall(RESTRICT_SELF, self.handle, 0) != 0:
            os._exit(125)
        self._libc.prctl(DUMPABLE, 1, 0, 0, 0)


def serve(watcher: socket.socket, wall: Wall, evaluate: Callable[[Sequence[str]], int]) -> None:
    wall.hide()
    gc.collect()
    gc.freeze()
    undamaged = own_state()
    sys.stdout.flush()
    sys.stderr.flush()
    watcher.send(b"ready %d" % os.getpid())
    while True:
        handles = [receive(watcher)[1] for _ in range(2)]
        words = [os.fsdecode(word) for word in receive(watcher)[0].split(b"\0")[:-1]]
        if own_state() != undamaged:
            raise SystemExit(1)  # an evaluation has changed this process: it runs again elsewhere
        pid = os.fork()
        if pid == 0:
            watcher.close()
            run_apart(wall, handles, partial(evaluate, words))
        for handle in handles:
            os.close(handle)
        _, status, used = os.wait4(pid, 0)
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        cpu = int((used.ru_utime + used.ru_stime) * 1e6)
        watcher.send(b"ended %d %d %d" % (code, cpu, used.ru_maxrss * 1024))


def own_state() -> Any:
    """What another process of the same user can change of this one."""
    return (
        os.sched_getaffinity(0),
        os.sched_getscheduler(0),
        os.getpriority(os.PRIO_PROCESS, 0),
        [resource.getrlimit(kind) for kind in LIMITS],
    )


def receive(watcher: socket.socket) -> tuple[bytes, int]:
    """A message, and the descriptor that came with it or -1."""
    handles = array.array("i")
    size = socket.CMSG_LEN(handles.itemsize)
    told, ancillary, _, _ = watcher.recvmsg(MOST_WORDS, size)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            handles.frombytes(data[: handles.itemsize])
    return told, handles[0] if handles else -1


def run_apart(wall: Wall, handles: Sequence[int], evaluate: Callable[[], int]) -> None:
    """In the fork; ends it, as an interpreter ends."""
    code = 1
    try:
        for number, handle in zip((1, 2), handles):
            os.dup2(handle, number)
            os.close(handle)
        os.setsid()
        wall.enter()
        os.close(wall.handle)
        draw_afresh()
        importlib.invalidate_caches()
        code = evaluate()
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
        os._exit(code)


def draw_afresh() -> None:
    """Generators that a fork would share have a state of their own in each process."""
    for name in ("random", "numpy.random"):
        module = sys.modules.get(name)
        if module is not None:
            module.seed()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
