"""What a world tells agents of its data, and which held-out values they were told before."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_ITEM = 8  # bytes of a value
# Lengths of runs of values; the shortest that makes each run of a series unique is used.
_WINDOWS = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Told:
    """The values that agents live through, the values held out from them, and the source of both,
    in words."""

    values: tuple[float, ...]
    held_out: tuple[float, ...]
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of the values that agents are told."""
        return hashlib.sha256(packed(self.values)).hexdigest()


def packed(values: Sequence[float]) -> bytes:
    """The values as 64-bit floats (IEEE 754), in this machine's byte order."""
    return array("d", values).tobytes()


def told_before(told: Told, earlier: Iterable[bytes]) -> tuple[int, ...]:
    """Which held-out values (0: the first of them) were told in `earlier` packed series.

    A value counts as told if an earlier series has it after the same values as here. How many
    preceding values are compared depends on the data: a run that also occurs in the part that may
    be told proves nothing.
    """
    data, lived = packed((*told.values, *told.held_out)), len(told.values)
    wanted = _marks(data, lived)
    if not wanted:
        return ()
    width = len(next(iter(wanted))) // _ITEM
    found: set[int] = set()
    for series in earlier:
        for window in _windows(series, width, width - 1, len(series) // _ITEM):
            found.update(wanted.get(window, ()))
    return tuple(sorted(found))


def _marks(data: bytes, lived: int) -> dict[bytes, list[int]]:
    """The held-out values by the window that ends with each. Left out are values whose window also
    occurs in what agents are told anyway."""
    count = len(data) // _ITEM
    best: dict[bytes, list[int]] = {}
    for width in _WINDOWS:
        if width > lived:
            break
        marks: dict[bytes, list[int]] = {}
        for at, window in enumerate(_windows(data, width, lived, count)):
            marks.setdefault(window, []).append(at)
        for window in _windows(data, width, width - 1, lived):
            marks.pop(window, None)
        if len(marks) > len(best):
            best = marks
        if len(best) == count - lived:
            break
    return best


def _windows(data: bytes, width: int, first: int, end: int) -> Iterator[bytes]:
    """The windows of so many values that end at each position from `first` to before `end`."""
    for at in range(first, end):
        yield data[(at + 1 - width) * _ITEM : (at + 1) * _ITEM]
