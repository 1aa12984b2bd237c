"""EVOLVE-BLOCK marks: which bytes of a file may change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.blocks import BlockError, fits, misfit, outside, regions

STYLES = (
    (b"# ", b""),
    (b"// ", b""),
    (b"/* ", b" */"),
    (b"-- ", b""),
    (b";; ", b""),
    (b"<!-- ", b" -->"),
    (b"(* ", b" *)"),
    (b"{- ", b" -}"),
    (b"%", b" no space, and a name"),
    (b"\t#\xc2\xa0", b""),
)
LINES = st.binary(max_size=40).filter(
    lambda line: b"EVOLVE" not in line and not line.startswith(b"\n")
)


@given(
    st.sampled_from(STYLES),
    st.sampled_from((b"\n", b"\r\n", b"\r")),
    st.lists(st.tuples(LINES, LINES), min_size=1, max_size=4),
    LINES,
    st.booleans(),
    st.data(),
)
def test_only_what_is_between_marks_may_change(
    style: tuple[bytes, bytes],
    end: bytes,
    parts: list[tuple[bytes, bytes]],
    tail: bytes,
    bom: bool,
    data: st.DataObject,
) -> None:
    begin, stop = style

    def text(inner: list[bytes]) -> bytes:
        found = b"\xef\xbb\xbf" if bom else b""
        for (before, _), mine in zip(parts, inner, strict=True):
            found += before + end + begin + b"EVOLVE-BLOCK-START" + stop + end
            found += mine + end + begin + b"EVOLVE-BLOCK-END" + stop + end
        return found + tail

    before = text([inner for _, inner in parts])
    found = regions(before)
    assert [before[a:b] for a, b in found] == [inner + end for _, inner in parts]
    after = text([data.draw(LINES) for _ in parts])
    assert fits(before, after)
    assert outside(before, found) == outside(after, regions(after))
    places = [at for at, byte in enumerate(before) if byte not in b"\r\n"]
    at = data.draw(st.sampled_from(places))
    changed = before[:at] + bytes([before[at] ^ 1]) + before[at + 1 :]
    assert fits(before, changed) == any(a <= at < b for a, b in found)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("x\n# EVOLVE-BLOCK-START\ny\n", 2, "without an EVOLVE-BLOCK-END"),
        ("x\r\n# EVOLVE-BLOCK-END\r\n", 2, "without an EVOLVE-BLOCK-START"),
        ("# EVOLVE-BLOCK-START\r# EVOLVE-BLOCK-START\r", 2, "the block that begins in line 1"),
        (
            "# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n# EVOLVE-BLOCK-END\n",
            3,
            "without an EVOLVE-BLOCK-START",
        ),
    ],
)
def test_marks_that_are_no_pairs_are_named_with_their_line(
    text: str, line: int, words: str
) -> None:
    with pytest.raises(BlockError) as error:
        regions(text.encode())
    assert error.value.line == line
    assert words in error.value.what and error.value.what.startswith(f"line {line}: ")
    assert regions(text.encode(), blocks=False) == ((0, len(text)),)


@pytest.mark.parametrize(
    "text",
    ["", "x = 1\n", 's = "# EVOLVE-BLOCK-START"\n', '"EVOLVE-BLOCK-START"\n', "EVOLVE-BLOCKS\n"],
)
def test_file_without_marks_may_change_as_a_whole(text: str) -> None:
    assert regions(text.encode()) == ((0, len(text)),)
    assert fits(text.encode(), b"anything")


BLOCK = b"a = 1\n# EVOLVE-BLOCK-START\na = 1\n# EVOLVE-BLOCK-END\na = 1\n"


def test_same_passage_inside_and_outside_is_told_apart() -> None:
    assert fits(BLOCK, BLOCK.replace(b"START\na = 1", b"START\na = 2"))
    assert not fits(BLOCK, BLOCK.replace(b"END\na = 1", b"END\na = 2"))
    assert "line 1 lies outside" in misfit(BLOCK, BLOCK.replace(b"a = 1", b"a = 2", 1))
    assert "line 5 lies outside" in misfit(BLOCK, BLOCK[:-2] + b"2\n")


@pytest.mark.parametrize(
    "after",
    [
        BLOCK.replace(b"# EVOLVE-BLOCK-END\n", b""),
        BLOCK.replace(b"# EVOLVE-BLOCK-START\n", b"").replace(b"# EVOLVE-BLOCK-END\n", b""),
        BLOCK + b"# EVOLVE-BLOCK-START\n# EVOLVE-BLOCK-END\n",
        BLOCK.replace(b"START\na", b"START\n# EVOLVE-BLOCK-END\n# EVOLVE-BLOCK-START\na"),
        BLOCK.replace(b"START\na = 1\n", b"START\na = 1"),  # the mark is no line of its own
    ],
)
def test_program_with_other_marks_does_not_fit(after: bytes) -> None:
    assert misfit(BLOCK, after)
