"""Owns how tests run `evolve`, and what came of it."""

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click

EVOLVE = (sys.executable, "-m", "evolve_ai")
SECONDS = 120.0
_SERVER = Path(__file__).with_name("command_server.py")
_OF_PYTHON = "PYTHON"  # begins the names of what an interpreter reads when it starts
# Several, each with another seed for the order of sets: history must not depend on it.
_SERVERS = 2


@dataclass(frozen=True)
class Done:
    """A command that is over."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def evolve(*words: object, env: dict[str, str] | None = None, cwd: Path | None = None) -> Done:
    """Run `evolve`; whatever it is given, it never shows a traceback.

    It is forked from a process that has imported it, which saves half a second, unless Python
    itself is to be started otherwise.
    """
    environment = dict(os.environ) if env is None else env
    if _of_python(environment) == _of_python(os.environ) == _at_first():
        done = _next_server().run([str(word) for word in words], environment, cwd or Path.cwd())
    else:
        done = _started([*EVOLVE, *map(str, words)], environment, cwd)
    assert "Traceback" not in done.err, done.err
    assert "a defect in evolve" not in done.err, done.err
    return done


def on_terminal(columns: int, *words: object) -> str:
    """What `evolve` shows on a terminal of so many columns, without its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    given = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
    environment = {name: value for name, value in os.environ.items() if name not in given}
    argv, seen = [*EVOLVE, *map(str, words)], b""
    with subprocess.Popen(
        argv,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=environment | {"TERM": "xterm"},
    ) as running:
        os.close(theirs)
        with contextlib.suppress(OSError):  # EIO: nobody holds the other end any more
            while chunk := os.read(ours, 65536):
                seen += chunk
        os.close(ours)
        assert running.wait(SECONDS) == 0
    return click.unstyle(seen.decode())


def _started(argv: Sequence[str], environment: Mapping[str, str], cwd: Path | None) -> Done:
    done = subprocess.run(
        argv, capture_output=True, text=True, timeout=SECONDS, env=environment, cwd=cwd, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: told for name, told in environment.items() if name.startswith(_OF_PYTHON)}


@cache
def _at_first() -> dict[str, str]:
    return _of_python(os.environ)


class _Server:
    """A process that forks one for each command."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def run(self, words: Sequence[str], environment: Mapping[str, str], folder: Path) -> Done:
        with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
            asked = {
                "words": words,
                "environment": dict(environment),
                "folder": str(folder),
                "out": out.name,
                "err": err.name,
            }
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            code = self._ended(int(self._answer()), words)
            return Done(code, out.read(), err.read())

    def _ended(self, pid: int, words: Sequence[str]) -> int:
        try:
            ready, _, _ = select.select([self._process.stdout], [], [], SECONDS)
        except BaseException:  # a test has its own limit of time
            _kill(pid)
            self._answer()
            raise
        if not ready:
            _kill(pid)
        code = int(self._answer())
        if not ready:
            raise subprocess.TimeoutExpired(list(words), SECONDS)
        return code

    def _answer(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


_servers: list[_Server] = []


def _next_server() -> _Server:
    if len(_servers) < _SERVERS:
        _servers.insert(0, _Server())
    else:
        _servers.append(_servers.pop(0))
    return _servers[0]


def close_servers() -> None:
    while _servers:
        _servers.pop().close()
