"""Chunks hold everything once, in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.executors.chunks import chunked


@given(st.lists(st.integers()), st.integers(1, 10))
def test_chunks_hold_all_items_in_order(items: list[int], size: int) -> None:
    chunks = list(chunked(items, size))
    assert [item for chunk in chunks for item in chunk] == items
    assert all(len(chunk) == size for chunk in chunks[:-1])
    assert all(chunks)


def test_chunk_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 items"):
        list(chunked([1], 0))
