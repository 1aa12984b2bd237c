"""The difference between two programs as independent edits, of which any subset can be applied."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import zip_longest

from evolve_ai.model.candidate import Sources

_TOKEN = re.compile(rb"[ \t]*(?:\w+|[^\w\s])|\s+")
_ALIKE = 0.5  # of two lines, from which one is taken to have become the other
_MOST_PAIRS = 2500  # of lines that are compared; with more, words are compared across lines


@dataclass(frozen=True, slots=True, order=True)
class Hunk:
    """In this file of the first program, the bytes from `start` to `end` become `new`. `nth`: the
    order of several that are put in at one place."""

    path: str
    start: int
    end: int
    nth: int
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
    """The same edit in parts: of lines that are alike the words and signs that differ, and each
    line that is put in or left out."""
    old, new = _lines(hunk.old(before)), _lines(hunk.new)
    if len(old) * len(new) > _MOST_PAIRS:
        return tuple(_of_words(hunk.path, hunk.start, hunk.old(before), hunk.new)) or (hunk,)
    found: list[Hunk] = []
    at = hunk.start
    for one, other in _pairs(old, new):
        if one and other:
            found += _of_words(hunk.path, at, one, other)
        elif one != other:
            found.append(Hunk(hunk.path, at, at + len(one), 0, other))
        at += len(one)
    return tuple(replace(one, nth=nth) for nth, one in enumerate(found)) or (hunk,)


def applied(before: Sources, some: Iterable[Hunk]) -> Sources:
    """The first program with these hunks. They must not overlap: hunks() makes none that do."""
    after = dict(before)
    for hunk in sorted(some, reverse=True):
        data = after[hunk.path]
        after[hunk.path] = data[: hunk.start] + hunk.new + data[hunk.end :]
    return after


def joined(some: Iterable[Hunk], before: Sources) -> tuple[Hunk, ...]:
    """Those within one line as one, with what is between them."""
    found: list[Hunk] = []
    for one in sorted(some):
        last = found[-1] if found else None
        if last is None or last.path != one.path or _is_apart(before[one.path], last, one):
            found.append(one)
            continue
        between = before[one.path][last.end : one.start]
        found[-1] = Hunk(one.path, last.start, one.end, last.nth, last.new + between + one.new)
    return tuple(found)


def _is_apart(data: bytes, last: Hunk, one: Hunk) -> bool:
    """Does a line end between two hunks, or are they whole lines?"""
    return b"\n" in data[last.start : one.start] or b"\n" in last.new


def _alike(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Pairs of lines that are alike, each line in one at most, in the order of both; all together
    as alike as they can be."""
    alike = [[_ratio(one, other) for other in new] for one in old]
    best = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            here = alike[i][j] + best[i + 1][j + 1] if alike[i][j] >= _ALIKE else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], here)
    pairs, i, j = [], 0, 0
    while i < len(old) and j < len(new):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _pairs(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """Each line with what it has become; empty where one is put in or left out. Lines between two
    that are alike are paired in their order."""
    pairs: list[tuple[bytes, bytes]] = []
    i = j = 0
    for one, other in [*_alike(old, new), (len(old), len(new))]:
        pairs += zip_longest(old[i:one], new[j:other], fillvalue=b"")
        pairs += [(old[one], new[other])] if one < len(old) else []
        i, j = one + 1, other + 1
    return pairs


def _ratio(one: bytes, other: bytes) -> float:
    return SequenceMatcher(None, one.strip(), other.strip(), autojunk=False).ratio()


def _of_words(path: str, start: int, old: bytes, new: bytes) -> list[Hunk]:
    found = _hunks(path, start, _TOKEN.findall(old), _TOKEN.findall(new))
    return [_trimmed(one, old[one.start - start : one.end - start]) for one in found]


def _trimmed(hunk: Hunk, old: bytes) -> Hunk:
    """Without blanks that both begin with."""
    same = 0
    for a, b in zip(old, hunk.new, strict=False):
        if a != b or a not in b" \t":
            break
        same += 1
    return replace(hunk, start=hunk.start + same, new=hunk.new[same:])


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
        Hunk(path, edges[a], edges[b], 0, b"".join(new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    ]
