"""The difference between two programs as independent edits, of which any subset can be applied."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from evolve_ai.model.candidate import Sources

_TOKEN = re.compile(rb"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True, order=True)
class Hunk:
    """In this file of the first program, the bytes from `start` to `end` become `new`."""

    path: str
    start: int
    end: int
    new: bytes

    def old(self, before: Sources) -> bytes:
        return before[self.path][self.start : self.end]


def hunks(before: Sources, after: Sources) -> tuple[Hunk, ...]:
    """Whole lines that differ, in the order of paths and bytes. Both have the same files."""
    return tuple(
        hunk
        for path in sorted(before)
        if before[path] != after[path]
        for hunk in _hunks(path, 0, _lines(before[path]), _lines(after[path]))
    )


def refined(hunk: Hunk, before: Sources) -> tuple[Hunk, ...]:
    """The same edit in parts as small as words and signs; itself where there are no parts."""
    old = _TOKEN.findall(hunk.old(before))
    return tuple(_hunks(hunk.path, hunk.start, old, _TOKEN.findall(hunk.new))) or (hunk,)


def applied(before: Sources, some: Iterable[Hunk]) -> Sources:
    """The first program with these hunks. They must not overlap: hunks() makes none that do."""
    after = dict(before)
    for hunk in sorted(some, reverse=True):
        data = after[hunk.path]
        after[hunk.path] = data[: hunk.start] + hunk.new + data[hunk.end :]
    return after


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _hunks(path: str, start: int, old: Sequence[bytes], new: Sequence[bytes]) -> list[Hunk]:
    """Without what is the same at both ends, which is most of it."""
    first, least = 0, min(len(old), len(new))
    while first < least and old[first] == new[first]:
        first += 1
    last = 0
    while last < least - first and old[-1 - last] == new[-1 - last]:
        last += 1
    start += sum(map(len, old[:first]))
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    edges = [start]
    for part in old:
        edges.append(edges[-1] + len(part))
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [
        Hunk(path, edges[a], edges[b], b"".join(new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
