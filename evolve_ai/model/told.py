"""What a world tells agents of its data, and which values of a held-out stretch they were told."""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_ITEM = 8  # bytes of a value
# Values that a place is known by: as few as tell all of a series apart.
_WINDOWS = (4, 8, 16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Told:
    """The values that agents live through, those that are held out from them, and where both are
    from, in words."""

    values: tuple[float, ...]
    held_out: tuple[float, ...]
    source: str

    @property
    def digest(self) -> str:
        """SHA-256 of the values that are told."""
        return hashlib.sha256(packed(self.values)).hexdigest()


def packed(values: Sequence[float]) -> bytes:
    """As 64-bit numbers (IEEE 754), in the order of this machine."""
    return array("d", values).tobytes()


def told_before(told: Told, earlier: Iterable[bytes]) -> tuple[int, ...]:
    """Which of the held-out values (0: the first of them) earlier series, packed, have told.

    A value counts as told where an earlier series holds it after the same values as here. How many
    of these are looked at follows the data: what also occurs in the stretch that may be told says
    nothing.
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
    """The held-out values by the window that ends with each; those that no window tells apart from
    what is told anyway are left out."""
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
    """So many values up to and with each, from the first to before the end."""
    for at in range(first, end):
        yield data[(at + 1 - width) * _ITEM : (at + 1) * _ITEM]
