"""Parses programs by the grammars of their languages, and keeps the latest trees."""

from collections.abc import Iterable
from typing import Protocol

from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Tree

from evolve_ai.model.syntax import Syntax
from evolve_ai.system.recent import Recent

Piece = tuple[int, int, bytes]
Point = tuple[int, int]

KEPT = 1024 * 1024  # bytes of text; trees have thirty times as many
MOST_PIECES = 8  # with more changes, to parse all of it takes less time (100 lines of Python)


class Readable(Protocol):
    """What this room must know of a language (contracts/language.py)."""

    name: str
    syntax: Syntax

    def grammar(self) -> Grammar | None: ...


class SyntaxTrees:
    """Trees by language and content. For one thread."""

    def __init__(self, kept: int = KEPT):
        """`kept` bytes of text, at most."""
        self._trees: Recent[Tree] = Recent(kept)
        self._parsers: dict[str, Parser | None] = {}

    def parser(self, language: Readable) -> Parser | None:
        """None where the language has no grammar."""
        if language.name not in self._parsers:
            grammar = language.grammar()
            self._parsers[language.name] = None if grammar is None else Parser(grammar)
        return self._parsers[language.name]

    def tree(self, language: Readable, data: bytes) -> Tree | None:
        """The tree of these bytes. It depends on nothing else."""
        tree = self._trees.get(language.name, data)
        if tree is not None:
            return tree
        parser = self.parser(language)
        return None if parser is None else self._trees.keep(language.name, data, parser.parse(data))

    def changed(
        self, language: Readable, tree: Tree, before: bytes, changes: Iterable[Piece]
    ) -> tuple[bytes, Tree]:
        """The bytes with `new` instead of those from `start` to `end`, for each (start, end, new)
        of these, which do not overlap; and their tree. Where they are few, only what is near them
        is parsed."""
        parser = self.parser(language)
        assert parser is not None, "it has made this tree"
        pieces = list(changes)
        after = spliced(before, pieces)
        if len(pieces) > MOST_PIECES:
            made = parser.parse(after)
        else:
            made = parser.parse(after, _edited(tree, before, pieces))
        # A tree with errors may depend on what was there before.
        if not made.root_node.has_error and self._trees.get(language.name, after) is None:
            self._trees.keep(language.name, after, made)
        return after, made


def spliced(before: bytes, changes: Iterable[Piece]) -> bytes:
    """The bytes after changes, as in `changed`."""
    parts, at = [], 0
    for start, end, new in sorted(changes):
        parts += [before[at:start], new]
        at = end
    return b"".join([*parts, before[at:]])


def _edited(tree: Tree, before: bytes, pieces: Iterable[Piece]) -> Tree:
    """A copy that knows where the text has changed."""
    copy = tree.copy()
    # From the last to the first: so places before a change stay what they were.
    for start, end, new in sorted(pieces, reverse=True):
        first = _point(before, start)
        copy.edit(start, end, start + len(new), first, _point(before, end), _behind(first, new))
    return copy


def errors(root: Node) -> int:
    """How many places below this node are not of the language."""
    if not root.has_error:
        return 0
    count, stack = 0, [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            count += 1
        stack.extend(child for child in node.children if child.has_error)
    return count


def _behind(point: Point, text: bytes) -> Point:
    """Where a text ends that begins at this point."""
    lines = text.count(b"\n")
    if not lines:
        return point[0], point[1] + len(text)
    return point[0] + lines, len(text) - text.rfind(b"\n") - 1


def _point(data: bytes, at: int) -> Point:
    """Row and column, from 0."""
    return data.count(b"\n", 0, at), at - (data.rfind(b"\n", 0, at) + 1)
