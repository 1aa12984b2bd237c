"""Runs `evolve` again and again, each time in a process of its own, forked from this one, which has
everything imported and has done nothing else.

Asked by a line of JSON on stdin (words, environment, folder, files for both outputs); answers two
lines: the pid, and how it ended.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn


def become(asked: dict[str, Any]) -> None:
    """What a process started with these would be."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for handle, path in ((1, asked["out"]), (2, asked["err"])):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, handle)
        os.close(file)
    sys.argv = ["evolve", *asked["words"]]


def serve() -> dict[str, Any] | None:
    """In a child, what it is asked for; None at the end, in the parent."""
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def ended(main: Callable[[], None]) -> int:
    """The exit code that a command comes to, once its threads are over."""
    code = 0
    try:
        main()
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    return code


def end(code: int) -> NoReturn:
    """Without taking apart what all commands share: that takes longer than most commands."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    del sys.path[0]  # ours: a command finds nothing beside it that users would not have
    import evolve_ai
    from evolve_ai.cli import main

    for module in pkgutil.walk_packages(evolve_ai.__path__, "evolve_ai."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)  # commands import only what they need

    gc.freeze()  # what all have is not copied for one
    asked = serve()
    if asked is not None:
        become(asked)
        end(ended(main))
