"""Differences between programs, as independent edits."""

from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.hunks import applied, hunks, refined

LINES = st.lists(st.sampled_from([b"a\n", b"b\r\n", b"c = 1 + x\n", b"\xff\r", b"d"])).map(b"".join)


@given(st.dictionaries(st.sampled_from("pq"), st.tuples(LINES, LINES)), st.data())
def test_any_subset_applies(pairs: dict[str, tuple[bytes, bytes]], data: st.DataObject) -> None:
    before = {path: old for path, (old, _) in pairs.items()}
    after = {path: new for path, (_, new) in pairs.items()}
    found = hunks(before, after)
    assert applied(before, found) == after
    assert applied(before, ()) == before
    parts = [part for hunk in found for part in refined(hunk, before)]
    assert applied(before, parts) == after
    some = [part for part in parts if data.draw(st.booleans())]
    made = applied(before, some)
    assert made.keys() == before.keys()
    rest = [part for part in parts if part not in some]
    assert sum(map(len, made.values())) - sum(map(len, before.values())) == sum(
        len(part.new) - (part.end - part.start) for part in some
    )
    assert len(rest) + len(some) == len(parts)


def test_line_is_refined_to_words() -> None:
    before = {"a": b"x = 1\nfor i in range(n):\n"}
    after = {"a": b"x = 1\nfor j in range(m):\n"}
    (whole,) = hunks(before, after)
    assert whole.old(before) == b"for i in range(n):\n"
    assert [(part.old(before), part.new) for part in refined(whole, before)] == [
        (b"i", b"j"),
        (b"n", b"m"),
    ]
