"""Keeps what was made of the latest texts, up to so many bytes of text."""

from collections import OrderedDict
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Recent(Generic[Made]):
    """By name and text. The latest one is kept, however long it is."""

    def __init__(self, most: int):
        """`most` bytes of text, all together."""
        self._most, self._bytes = most, 0
        self._kept: OrderedDict[tuple[str, bytes], Made] = OrderedDict()

    def get(self, name: str, text: bytes) -> Made | None:
        found = self._kept.get((name, text))
        if found is not None:
            self._kept.move_to_end((name, text))
        return found

    def keep(self, name: str, text: bytes, made: Made) -> Made:
        """What is not kept yet."""
        self._kept[name, text] = made
        self._bytes += len(text)
        while self._bytes > self._most and len(self._kept) > 1:
            (_, old), _ = self._kept.popitem(last=False)
            self._bytes -= len(old)
        return made
