"""Changes of text: whole statements with their lines and indentation, and what is made of them."""

import re
from dataclasses import dataclass

from tree_sitter import Tree

from evolve_ai.model.blocks import WORD
from evolve_ai.proposers.reading import Place, Reading
from evolve_ai.system.syntax_trees import Piece, SyntaxTrees, errors, spliced

_BLANK = b" \t\f"


@dataclass(frozen=True, slots=True)
class Change:
    """The bytes from `start` to `end` become `new`, which was found in `source`, if anywhere."""

    start: int
    end: int
    new: bytes
    source: Reading | None = None


Changes = tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Where a statement lies: from the beginning of its first line to after its last line end.

    `alone` says that nothing else is on these lines.
    """

    start: int
    end: int
    indent: bytes
    alone: bool


def lines_of(data: bytes, start: int, end: int) -> Lines:
    first = max(data.rfind(b"\n", 0, start), data.rfind(b"\r", 0, start)) + 1
    before = data[first:start]
    last = end
    while last < len(data) and data[last] in _BLANK:
        last += 1
    ended = last == len(data) or data[last] in b"\r\n"
    if data[last : last + 2] == b"\r\n":
        last += 2
    elif ended and last < len(data):
        last += 1
    indent = before[: len(before) - len(before.lstrip(_BLANK))]
    return Lines(first, last, indent, ended and before == indent)


def line_end(data: bytes) -> bytes:
    """How this file ends its lines."""
    if b"\r\n" in data:
        return b"\r\n"
    return b"\r" if b"\r" in data and b"\n" not in data else b"\n"


def moved(source: Reading, place: Place, indent: bytes) -> bytes:
    """A statement's text for lines with another indentation. Lines that do not begin with its own
    (those of long strings) stay as they are."""
    text = source.text(place)
    if b"\n" not in text:
        return text
    old = lines_of(source.data, place.start, place.end).indent
    if old == indent:
        return text
    return re.sub(rb"(?<=\n)" + re.escape(old) + rb"(?=[^\r\n])", lambda _: indent, text)


def written(reading: Reading, changes: Changes) -> bytes:
    """The program after changes that do not overlap, whatever they make of it."""
    return spliced(reading.data, _pieces(changes))


def applied(reading: Reading, trees: SyntaxTrees, changes: Changes) -> tuple[bytes, Tree] | None:
    """The program after changes that do not overlap, with its tree; None where they leave the
    regions that may change, bring in marks, change nothing, or make what no longer parses."""
    for change in changes:
        if WORD in change.new or not reading.may_change(change.start, change.end):
            return None
    if written(reading, changes) == reading.data:
        return None
    data, tree = trees.changed(reading.language, reading.tree, reading.data, _pieces(changes))
    if errors(tree.root_node) > errors(reading.tree.root_node):
        return None
    return data, tree


def _pieces(changes: Changes) -> list[Piece]:
    return [(change.start, change.end, change.new) for change in changes]
