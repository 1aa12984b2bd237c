"""Runs in a worker process: takes tasks and answers until told to end. Imports little."""

import os
import pickle
import signal
import threading
import traceback
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from types import FrameType

from evolve_ai.model.errors import EvolveError

DECIDED_BY_PARENT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def work(connection: Connection) -> None:
    """Answer each (function, task) by (True, result) or (False, exception); empty bytes end it."""
    leave_signals_to_the_parent()
    die_with_the_parent()
    with suppress(EOFError, ConnectionError):  # the parent is gone
        while order := connection.recv_bytes():
            connection.send_bytes(_answer(order))


def _answer(order: bytes) -> bytes:
    try:
        function, task = pickle.loads(order)
        return pickle.dumps((True, function(task)))
    except Exception as error:
        return pickle.dumps((False, portable(error)))


def leave_signals_to_the_parent() -> None:
    # A handler instead of SIG_IGN: commands that a worker starts would inherit SIG_IGN.
    for number in DECIDED_BY_PARENT:
        signal.signal(number, _ignore)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DECIDED_BY_PARENT)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the parent decides about Ctrl-C and a closed terminal."""


def die_with_the_parent() -> None:
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def portable(error: Exception) -> Exception:
    """The exception, with its traceback as a note, in a form that can be pickled."""
    error.add_note(f"in a worker:\n{traceback.format_exc()}")
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        plain = EvolveError(f"{type(error).__name__}: {error}")
        plain.add_note(f"in a worker:\n{traceback.format_exc()}")
        return plain
    return error
