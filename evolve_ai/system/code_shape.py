"""What programs are like, in numbers: size of their syntax trees, shape, lines that differ."""

import zlib
from functools import lru_cache

from evolve_ai.system.syntax_trees import Readable, SyntaxTrees

LENGTH = 3  # nodes in a row that are hashed together
_MIX = 0x9E3779B1  # 2^32 divided by the golden ratio, as in Fibonacci hashing (Knuth, 6.4)
_MASK = 0xFFFFFFFF
_PUNCTUATION = frozenset("()[]{},;:.")


def complexity(language: Readable, data: bytes, trees: SyntaxTrees | None = None) -> int:
    """The nodes of the syntax tree; 0 for a language without a grammar."""
    tree = (trees or SyntaxTrees()).tree(language, data)
    return tree.root_node.descendant_count if tree is not None else 0


def shape(language: Readable, data: bytes, trees: SyntaxTrees | None = None) -> frozenset[int]:
    """32-bit hashes of all LENGTH nodes in a row, in text order. Names, literals and comments do
    not count. The same on every machine.

    For a language without a grammar, lines stand for nodes.
    """
    kinds = _kinds(language, data, trees)
    hashes = {kind: zlib.crc32(kind.encode()) for kind in set(kinds)}
    return frozenset(_grams([hashes[kind] for kind in kinds]))


def _grams(found: list[int]) -> list[int]:
    if len(found) < LENGTH:
        found = found + [0] * (LENGTH - len(found))
    return [
        ((a * _MIX + b) * _MIX + c) & _MASK
        for a, b, c in zip(found, found[1:], found[2:], strict=False)
    ]


def _kinds(language: Readable, data: bytes, trees: SyntaxTrees | None) -> list[str]:
    tree = (trees or SyntaxTrees()).tree(language, data)
    if tree is None:
        lines = data.decode("latin-1").splitlines()
        return [" ".join(line.split()) for line in lines if line.strip()]
    syntax = language.syntax
    silent = syntax.comments | _PUNCTUATION
    leaves = syntax.literals | syntax.comments
    cursor = tree.root_node.walk()
    down, along, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
    found: list[str] = []
    say = found.append
    while (node := cursor.node) is not None:
        kind = node.type
        if kind not in silent:
            say(kind)
        if down():
            if kind not in leaves:
                continue
            up()
        while not along():
            if not up():
                return found
    return found


def edits(before: bytes, after: bytes) -> int:
    """How many lines were removed, or how many added, whichever is more.

    By the longest common subsequence of the lines between what is the same at both ends, with a
    bit for each line (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
    """
    if before == after:
        return 0
    old, new = _lines(before), after.splitlines()
    first, least = 0, min(len(old), len(new))
    while first < least and old[first] == new[first]:
        first += 1
    last = 0
    while last < least - first and old[-1 - last] == new[-1 - last]:
        last += 1
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    longest = max(len(old), len(new))
    return max(longest - _common(old, new), 1)  # only line ends differ


@lru_cache(8)
def _lines(text: bytes) -> list[bytes]:
    """Of the initial program, which all others are compared with."""
    return text.splitlines()


def _common(old: list[bytes], new: list[bytes]) -> int:
    places: dict[bytes, int] = {}
    for at, line in enumerate(old):
        places[line] = places.get(line, 0) | 1 << at
    whole = (1 << len(old)) - 1
    row = whole
    for line in new:
        if there := places.get(line, 0):
            same = row & there
            row = ((row + same) | (row - same)) & whole
    return len(old) - row.bit_count()
