"""Writes logs/events.jsonl: committed events as JSON lines, rotated, each exactly once."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import structlog

from evolve_ai.model.errors import StorageError
from evolve_ai.model.event import Recorded
from evolve_ai.system.files import publish, storage_errors

MARK_SECONDS = 30.0  # between two updates of the mark
_BATCH = 1000
_BLOCK = 64 * 1024
_FARTHEST = 64 * _BLOCK


class EventLog:
    """Copies events to files by sequence number; an event that the log has already is skipped.

    The log is `path`, then `path`.1 (newer) to `path`.`files` (older), each at most `file_bytes`
    long unless one line alone is longer. The file `mark` has the number of the last delivered
    event: so events are not written again after a user has emptied or removed the log.
    """

    name = "event log"

    def __init__(
        self,
        path: Path,
        file_bytes: int,
        files: int,
        missed: Callable[[int], Iterable[Recorded]] | None = None,
        mark: Path | None = None,
    ):
        self.path = path
        self.file_bytes = file_bytes
        self.files = max(1, files)
        self._missed = missed
        self._mark = mark
        self._marked = time.monotonic()
        self._last: int | None = None
        self._render = structlog.processors.JSONRenderer(default=str)

    def last_seq(self) -> int:
        """The sequence number of the last event in the log, 0 if there is none."""
        if self._last is None:
            with storage_errors(self.path):
                self._last = self._find_last()
        return self._last

    def deliver(self, events: Sequence[Recorded]) -> None:
        """Append missing events. Raises StorageError; the next delivery then catches up."""
        if not events:
            return
        last = self.last_seq()
        if events[0].seq > last + 1:
            self.catch_up()
        self._append(event for event in events if event.seq > self.last_seq())
        if time.monotonic() - self._marked > MARK_SECONDS:
            self._note()

    def catch_up(self) -> None:
        """Append events that were committed but never reached the log."""
        if self._missed is not None:
            last = self.last_seq()
            self._append(event for event in self._missed(last) if event.seq > last)

    def close(self) -> None:
        """Update the mark; no file is open between deliveries."""
        self._note()

    def _append(self, events: Iterable[Recorded]) -> None:
        waiting = iter(events)
        while batch := list(islice(waiting, _BATCH)):
            try:
                with storage_errors(self.path):
                    self._write(batch)
            except (OSError, StorageError):
                self._last = None  # read the file again: it may end in half a line
                raise

    def _write(self, batch: Sequence[Recorded]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = [(event.seq, self._line(event)) for event in batch]
        while lines:
            size = self.path.stat().st_size if self.path.exists() else 0
            fitting = _fitting(lines, self.file_bytes - size)
            if fitting == 0 and size > 0:
                self._rotate()
                continue
            part, lines = lines[: max(1, fitting)], lines[max(1, fitting) :]
            _append_whole(self.path, b"".join(line for _, line in part))
            self._last = part[-1][0]

    def _line(self, event: Recorded) -> bytes:
        rendered = self._render(None, "", event.line())
        text = rendered if isinstance(rendered, str) else rendered.decode()
        return text.encode() + b"\n"

    def _rotate(self) -> None:
        """Rename every file one place back, the newest last: a crash then leaves them in order."""
        for place in range(self.files, 0, -1):
            newer = self._rotated(place - 1)
            if newer.exists():
                newer.replace(self._rotated(place))

    def _rotated(self, place: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{place}") if place else self.path

    def _find_last(self) -> int:
        """The last event in the log. If a power cut has shortened the log, it counts as it is, and
        events are written again; if it was removed or emptied by a user, the mark counts."""
        noted = 0
        for place in range(self.files + 1):
            path = self._rotated(place)
            seq = _cut_to_last_event(path) if path.exists() else None
            if seq is not None:
                return max(seq, noted)
            noted = noted or self._noted()
        return noted

    def _noted(self) -> int:
        """The mark; 0 if it is missing or unreadable, so that only the log counts."""
        if self._mark is None:
            return 0
        try:
            return max(0, int(self._mark.read_text(encoding="ascii")))
        except (OSError, ValueError):
            return 0

    def _note(self) -> None:
        """Update the mark, after the log is on the disk: a power cut must not leave it too high."""
        self._marked = time.monotonic()
        if self._mark is None or self._last is None or self._last <= self._noted():
            return
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            os.fdatasync(file.fileno())
        if self._mark.parent.is_dir():  # else the project is gone: none is made anew
            publish(self._mark, b"%d\n" % self._last)


def _fitting(lines: Sequence[tuple[int, bytes]], room: int) -> int:
    """How many of the lines, from the first, fit into the room."""
    for count, (_, line) in enumerate(lines):
        room -= len(line)
        if room < 0:
            return count
    return len(lines)


def _append_whole(path: Path, data: bytes) -> None:
    """Append all of the data or, on a disk error, nothing."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        before = os.fstat(handle).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, before)
            raise
    finally:
        os.close(handle)


def _cut_to_last_event(path: Path) -> int | None:
    """Cut off a partial line at the end; returns the number of the last event, or None."""
    size, seen = path.stat().st_size, False
    with path.open("rb") as file:
        for end, line in _lines_backwards(file.fileno(), size):
            seq, seen = _seq(line), True
            if seq is not None:
                if end < size:
                    os.truncate(path, end)
                return seq
    if seen or size > _FARTHEST:
        raise StorageError(
            "holds no event in its last lines", where=path, todo="move this file out of the way"
        )
    if size:
        os.truncate(path, 0)
    return None


def _lines_backwards(handle: int, size: int) -> Iterator[tuple[int, bytes]]:
    """(offset of its end, line) of the complete lines near the end, last one first."""
    start, held = size, b""
    while start > 0 and len(held) <= _FARTHEST:
        step = min(_BLOCK, start)
        start -= step
        held = os.pread(handle, step, start) + held
        first = 0 if start == 0 else held.find(b"\n") + 1
        if first == 0 and start > 0:
            continue
        cut = held.rfind(b"\n") + 1
        while cut > first:
            begin = held.rfind(b"\n", first, cut - 1) + 1 or first
            yield start + cut, held[begin : cut - 1]
            cut = begin
        held = held[:first]


def _seq(line: bytes) -> int | None:
    try:
        seq = json.loads(line)["seq"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return seq if type(seq) is int else None
