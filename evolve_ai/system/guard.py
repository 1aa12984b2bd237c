"""Calls a user's own plug-in so that its errors are reported and do no further harm."""

import os
import sys
import sysconfig
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from evolve_ai.model.errors import EvolveError, PluginError
from evolve_ai.system.interruption import Interruptible, TimeUp
from evolve_ai.system.plugin_output import bound_log, plugin_speaks

Answer = TypeVar("Answer")

_LONGEST = 300  # characters of a message from foreign code
_PACKAGE = str(Path(__file__).parents[1])
_STANDARD = sysconfig.get_path("stdlib")
_INSTALLED = tuple({sysconfig.get_path("purelib"), str(Path(_STANDARD) / "site-packages")})


class WrongValueError(Exception):
    """A plug-in's answer breaks its contract; the message continues the name of its function."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One plug-in: its family and name in the settings, how long a call may take (seconds), and
    the file in `root` that names it."""

    family: str
    name: str
    seconds: float
    root: Path
    file: str = "evolve.toml"

    def call(
        self, function: str, make: Callable[[], Any], check: Callable[[Any], Answer]
    ) -> Answer:
        """What `check` makes of the answer; it raises WrongValueError for a useless one.

        PluginError names plug-in, function, reason and the last line in the user's code. Our own
        errors, and exceptions that a signal handler of the user raised, pass.
        """
        title = f"the {self.family} {self.name!r} in {function}()"
        if threading.current_thread() is not threading.main_thread():
            return self._called(function, make, check, None)
        watch = Interruptible(self.seconds, title)
        with _as_before(), watch:
            return self._called(function, make, check, watch)

    def _called(
        self,
        function: str,
        make: Callable[[], Any],
        check: Callable[[Any], Answer],
        watch: Interruptible | None,
    ) -> Answer:
        failure: BaseException | None = None
        try:
            with plugin_speaks():
                try:
                    answer = check(make())
                finally:
                    if watch is not None:
                        watch.disarm()
        except BaseException as error:  # also SystemExit: a plug-in must not end a run
            failure = error
        if watch is not None and watch.signalled is not None:
            raise watch.signalled
        if failure is None:
            return answer
        if _is_ours(failure):
            raise failure
        raise self._told(function, failure) from _harmless(failure)

    def _told(self, function: str, error: BaseException) -> PluginError:
        subject = f"the {self.family} {self.name!r}"
        place = last_place(error)
        if isinstance(error, WrongValueError):
            what = f"{subject}: {function}() {error}"
            todo = "see docs/plugins.md for what it must return"
        elif isinstance(error, TimeUp):
            what = f"{subject}: {function}() did not return within {self.seconds:g} s"
            todo = "mend it, or give it more time: [plugins] timeout in evolve.toml"
        elif isinstance(error, PluginError):
            what, todo = f"{subject}: {function}(): {error.what}", error.todo or self._mend()
        elif function == "import":
            what = f"the {self.family} {self.name} cannot be imported: {described(error)}"
            todo = f"the module must lie beside {self.file} or be installed"
        else:
            what = f"{subject}: {function}() failed: {described(error)}"
            todo = self._mend()
        where = place or self.root / self.file
        return PluginError(what, where=where, todo=todo)

    def _mend(self) -> str:
        return (
            f"mend it, or name another one in {self.file}; what it printed is in logs/plugins.log"
        )


def _is_ours(error: BaseException) -> bool:
    """True for an error that already names its place, like a settings error of a world."""
    ours = isinstance(error, EvolveError) and type(error).__module__ == EvolveError.__module__
    return ours and not isinstance(error, PluginError)


def described(error: BaseException) -> str:
    """Class and message of an exception of any kind, on one line."""
    kind = type(error).__name__
    try:
        words = " ".join(str(error).split())
    except BaseException:  # the __str__ of a user's class may do anything
        return kind
    return f"{kind}: {words}"[:_LONGEST] if words else kind


def shown(value: object) -> str:
    """An object of any kind, in a few words."""
    try:
        words = repr(value)
        if type(words) is not str:
            words = str.__str__(words)
    except BaseException:
        words = f"an object of {type(value).__name__} that has no repr"
    return words if len(words) <= 80 else f"{words[:77]}..."


def last_place(error: BaseException) -> str | None:
    """`file:line` of the last line of the user's code that an exception passed through."""
    found = None
    with suppress(Exception):
        for entry in traceback.extract_tb(error.__traceback__):
            library = entry.filename.startswith((sys.base_prefix, sys.prefix))
            if not _is_foreign(entry.filename) and (not library or found is None):
                found = f"{entry.filename}:{entry.lineno}"
    if isinstance(error, SyntaxError) and error.filename:
        found = f"{error.filename}:{error.lineno}"
    return found


def _is_foreign(file: str) -> bool:
    """True for a file that belongs neither to this package nor to Python's library."""
    standard = file.startswith(_STANDARD) and not file.startswith(_INSTALLED)
    return standard or file.startswith((_PACKAGE, "<frozen"))


def _harmless(error: BaseException) -> BaseException | None:
    """The cause, if it is safe to pickle and to print."""
    return error if type(error).__module__ == "builtins" else None


@contextmanager
def same_folder() -> Iterator[None]:
    """Within: a change of the working folder is undone afterwards."""
    before = _here()
    try:
        yield
    finally:
        if before is not None and _here() != before:
            with suppress(OSError):
                os.chdir(before)


def _here() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # the working folder was removed
        return None


@contextmanager
def _as_before() -> Iterator[None]:
    """Within: changes of process-wide state are undone afterwards."""
    mask = os.umask(0o022)
    os.umask(mask)
    streams = sys.stdout, sys.stderr
    filters, depth = list(warnings.filters), sys.getrecursionlimit()
    try:
        with same_folder():
            yield
    finally:
        os.umask(mask)
        sys.stdout, sys.stderr = streams
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]
        if sys.getrecursionlimit() != depth:
            sys.setrecursionlimit(depth)
        bound_log()
