"""Finds the parts of a file that may change: what is between EVOLVE-BLOCK marks, if it has any."""

import re

from evolve_ai.model.errors import UsageError

WORD = b"EVOLVE-BLOCK-"
# A mark stands in a line of its own, after whatever begins a comment; a quoted one is none.
_MARK = re.compile(
    rb"(?:\A|(?<=[\r\n]))[^\w\r\n\"'`]*EVOLVE-BLOCK-(START|END)\b[^\r\n]*(?:\r\n|\r|\n|\Z)"
)
_LINE = re.compile(rb"\r\n|\r|\n")

Region = tuple[int, int]  # bytes, from the first to before the last


class BlockError(UsageError):
    """EVOLVE-BLOCK marks of a file that are not pairs. `line` counts from 1."""

    def __init__(self, line: int, what: str):
        super().__init__(
            f"line {line}: {what}",
            todo="each EVOLVE-BLOCK-START needs an EVOLVE-BLOCK-END, before the next START",
        )
        self.line = line


def regions(data: bytes, blocks: bool = True) -> tuple[Region, ...]:
    """The regions that may change, in order. The lines of the marks are outside of them.

    Without marks, or where `blocks` is false, that is the whole file. Raises BlockError.
    """
    if not blocks or WORD not in data:
        return ((0, len(data)),)
    found: list[Region] = []
    start: re.Match[bytes] | None = None
    for mark in _MARK.finditer(data):
        if mark[1] == b"START":
            if start is not None:
                opened = line_at(data, start.start())
                told = f"EVOLVE-BLOCK-START in the block that begins in line {opened}"
                raise BlockError(line_at(data, mark.start()), told)
            start = mark
        elif start is None:
            told = "EVOLVE-BLOCK-END without an EVOLVE-BLOCK-START before it"
            raise BlockError(line_at(data, mark.start()), told)
        else:
            found.append((start.end(), mark.start()))
            start = None
    if start is not None:
        told = "EVOLVE-BLOCK-START without an EVOLVE-BLOCK-END after it"
        raise BlockError(line_at(data, start.start()), told)
    return tuple(found) or ((0, len(data)),)


def line_at(data: bytes, at: int) -> int:
    """The number of the line, from 1, that this byte is in."""
    return len(_LINE.findall(data, 0, at)) + 1


def misfit(before: bytes, after: bytes, blocks: bool = True) -> str:
    """Why `after` is not `before` with other bytes between its marks; "" if it is."""
    allowed = regions(before, blocks)
    if allowed == ((0, len(before)),):
        return ""
    try:
        there = regions(after, blocks)
    except BlockError as error:
        return error.what
    if len(there) != len(allowed) or there == ((0, len(after)),):
        return f"has {len(there)} EVOLVE-BLOCKs instead of {len(allowed)}"
    if outside(before, allowed) == outside(after, there):
        return ""
    line = _first_difference(outside(before, allowed), outside(after, there), allowed, before)
    return f"line {line} lies outside of the EVOLVE-BLOCKs, and differs"


def fits(before: bytes, after: bytes, blocks: bool = True) -> bool:
    """Are all bytes the same that lie outside of the regions of `before`?"""
    return not misfit(before, after, blocks)


def outside(data: bytes, found: tuple[Region, ...]) -> list[bytes]:
    """The passages before, between and after regions."""
    edges = [0, *(edge for region in found for edge in region), len(data)]
    return [data[edges[at] : edges[at + 1]] for at in range(0, len(edges), 2)]


def _first_difference(
    mine: list[bytes], theirs: list[bytes], found: tuple[Region, ...], data: bytes
) -> int:
    at = next(n for n, (one, other) in enumerate(zip(mine, theirs, strict=True)) if one != other)
    begin = found[at - 1][1] if at else 0
    same = common_prefix(mine[at], theirs[at])
    return line_at(data, begin + same)


def common_prefix(one: bytes, other: bytes) -> int:
    """How many bytes at their beginning are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
