"""What was made of the latest texts is kept, up to so many bytes."""

from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.system.recent import Recent


@given(st.lists(st.binary(max_size=6)), st.integers(0, 12))
def test_latest_texts_are_kept(texts: list[bytes], most: int) -> None:
    recent: Recent[bytes] = Recent(most)
    order: list[bytes] = []
    for text in texts:
        found = recent.get("x", text)
        assert (found == text) if text in order else (found is None)
        if found is None:
            assert recent.keep("x", text, text) is text
        else:
            order.remove(text)
        order.append(text)
        while sum(map(len, order)) > most and len(order) > 1:
            order.pop(0)
        assert recent.get("y", text) is None
