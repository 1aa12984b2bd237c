"""Cuts a sequence into chunks, each of which is a task for a worker."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def chunked(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """The items in tuples of `size`; the last one may be shorter, and none is empty."""
    if size < 1:
        raise ValueError(f"a chunk of {size} items")
    waiting = iter(items)
    while chunk := tuple(islice(waiting, size)):
        yield chunk
