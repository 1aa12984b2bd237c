"""What benchmarks print: one JSON object, whatever breaks; and events read line by whole line."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any


@contextmanager
def printed(indent: int | None = None, when: bool = True) -> Iterator[dict[str, Any]]:
    """A report to be filled, figure by figure. When something breaks, what has been measured until
    then is printed all the same, with what broke as `error`, and the exit code is 1.

    `when` False: a report of nothing but lines of its own; it is printed only if something breaks.
    SIGTERM breaks it, too.
    """
    report: dict[str, Any] = {}
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield report
    except (Exception, KeyboardInterrupt, SystemExit) as error:
        if isinstance(error, SystemExit) and error.code in (None, 0):
            raise
        report["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(report, indent=indent), flush=True)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGTERM, before)
    if when:
        print(json.dumps(report, indent=indent), flush=True)


class EventTail:
    """The events that a life-cycle adds to its log. A line that is half written is read when the
    other half is there."""

    def __init__(self, log: IO[str]):
        self._log = log
        self._torn = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Those that are there by now."""
        for text in self._log:
            line = self._torn + text
            if not line.endswith("\n"):
                self._torn = line
                return
            self._torn = ""
            yield json.loads(line)
