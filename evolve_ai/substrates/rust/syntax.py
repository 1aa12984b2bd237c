"""Reads Rust text: its syntax tree, its tokens, the paths written in it."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import tree_sitter_rust
from tree_sitter import Language, Node, Parser, Tree

GRAMMAR = Language(tree_sitter_rust.language())

# Nodes that are one token to us: nothing inside them is a name of anything.
_ATOMS = frozenset(
    {"string_literal", "raw_string_literal", "char_literal", "lifetime", "label", "identifier"}
)
_COMMENTS = frozenset({"line_comment", "block_comment"})
_NAMES = frozenset(
    {
        "identifier",
        "type_identifier",
        "field_identifier",
        "shorthand_field_identifier",
        "primitive_type",
        "self",
        "super",
        "crate",
        "metavariable",
    }
)


# Below these a name is no name of ours.
_SILENT = _ATOMS | _COMMENTS | {"use_declaration"}


class Token(NamedTuple):
    """A leaf of the tree: its text, its kind, the byte it begins at."""

    text: str
    kind: str
    start: int

    @property
    def named(self) -> bool:
        return self.kind in _NAMES


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path of two or more segments outside `use`; `rooted` if it began with `::`."""

    segments: tuple[str, ...]
    start: int
    rooted: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """One leaf of a `use` tree. `name` is what it is called here, None for a glob or `_`."""

    segments: tuple[str, ...]
    name: str | None
    start: int
    glob: bool = False
    rooted: bool = False


class SourceTree:
    """A file, walked once: its nodes by kind and in text order, what is around each, its words.

    A walk in Python costs more than the parsing; the rules look only at the kinds they are about.
    Where `too_deep` is set, the walk ended there: no rule can be asked.
    """

    def __init__(self, code: bytes, depth: int):
        self.code = code
        self.root = parse(code).root_node
        self.kinds: dict[str, list[Node]] = defaultdict(list)
        self.words: list[str] = []  # texts of the leaves, without comments and `use` declarations
        self.leaves: list[Node] = []  # the leaves themselves
        self.too_deep: Node | None = None
        self._parents: dict[int, Node] = {}
        self._lines: list[int] | None = None
        self._walk(depth)
        del self._parents[self.root.id]

    def _walk(self, depth: int) -> None:
        """Written for speed: each word here is said ten thousand times for an agent."""
        cursor = self.root.walk()
        down, along, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
        kinds, parents, say, leaf = self.kinds, self._parents, self.words.append, self.leaves.append
        source = self.code.decode("latin-1")  # where each letter is a byte
        is_plain = self.code.isascii() and b"r#" not in self.code
        above: list[tuple[Node, bool]] = []
        silent, parent = False, self.root
        while (node := cursor.node) is not None:
            kind = node.type
            kinds[kind].append(node)
            parents[node.id] = parent
            has_children = down()
            if not silent and (not has_children or kind in _ATOMS) and kind not in _COMMENTS:
                say(source[node.start_byte : node.end_byte] if is_plain else plain(text_of(node)))
                leaf(node)
            if has_children:
                above.append((parent, silent))
                parent, silent = node, silent or kind in _SILENT
                if len(above) > depth:
                    self.too_deep = node
                    return
                continue
            while not along():
                if not up():
                    return
                parent, silent = above.pop()

    def parent(self, node: Node) -> Node | None:
        return self._parents.get(node.id)

    def place_of(self, start: int) -> tuple[int, int]:
        """Line and column of a byte, both from 1."""
        if self._lines is None:
            lengths = (len(line) + 1 for line in self.code.split(b"\n"))
            self._lines = [0, *accumulate(lengths)]
        line = bisect_right(self._lines, start)
        before = self.code[self._lines[line - 1] : start]
        return line, len(before.decode("utf-8", "replace")) + 1

    def is_named(self, at: int) -> bool:
        """Is the leaf a name?"""
        return self.leaves[at].type in _NAMES

    def in_macro(self, at: int) -> bool:
        around = self.parent(self.leaves[at])
        while around is not None and around.type != "token_tree":
            around = self.parent(around)
        return around is not None

    def paths(self) -> Iterator[PathUse]:
        """Every `a::b…` outside `use`, up to the first generic argument."""
        words = self.words
        for at, word in enumerate(words):
            if word != "::":
                continue
            named = at > 0 and self.is_named(at - 1)
            if named and (at < 2 or words[at - 2] not in (".", "::")):  # `.sum::<f64>()`: a method
                yield PathUse(self._segments(at - 1), self.leaves[at - 1].start_byte)
            elif not named and not (at and words[at - 1].endswith(">")):
                segments = self._segments(at + 1)
                if segments:
                    yield PathUse(segments, self.leaves[at].start_byte, rooted=True)

    def _segments(self, at: int) -> tuple[str, ...]:
        """The path that starts here. A trailing `::` counts as an empty name."""
        segments: list[str] = []
        while at < len(self.words) and self.is_named(at):
            segments.append(self.words[at])
            at += 1
            if at >= len(self.words) or self.words[at] != "::":
                break
            at += 1
            if at < len(self.words) and not self.is_named(at):
                segments.append("")  # `Vec::<u8>`: it goes on, whatever comes
        return tuple(segments)

    def imports(self) -> Iterator[Import]:
        """Every leaf of every `use` tree, wherever in the file it stands."""
        for node in self.kinds["use_declaration"]:
            argument = node.child_by_field_name("argument")
            if argument is not None:
                yield from _leaves_of_use(argument)


def parse(code: bytes) -> Tree:
    return Parser(GRAMMAR).parse(code)


def text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def plain(name: str) -> str:
    """A name without the mark of a raw identifier: `r#std` is `std`."""
    return name.removeprefix("r#")


def line_of(node: Node) -> int:
    return node.start_point[0] + 1


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth, parents first, in text order; never recursive."""
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack.extend((child, depth + 1) for child in reversed(node.children))


def first_error(root: Node) -> tuple[Node, str] | None:
    """The first place that is no Rust, with what is wrong there, or None."""
    if not root.has_error:
        return None
    for node, _ in walk(root):
        if node.is_missing:
            return node, f"cannot be read as Rust: `{node.type}` is missing"
        if node.is_error:
            shown = " ".join(text_of(node).split())[:60]
            return node, f"cannot be read as Rust: `{shown}`"
    return root, "cannot be read as Rust"


def tokens(root: Node) -> list[Token]:
    """The leaves below a node in text order, without comments and without `use` declarations."""
    found: list[Token] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in _COMMENTS or node.type == "use_declaration":
            continue
        if node.child_count == 0 or node.type in _ATOMS:
            found.append(Token(plain(text_of(node)), node.type, node.start_byte))
            continue
        stack.extend(reversed(node.children))
    return found


def _leaves_of_use(argument: Node) -> Iterator[Import]:
    stack: list[tuple[Node, tuple[str, ...], bool]] = [(argument, (), False)]
    while stack:
        node, prefix, rooted = stack.pop()
        start = node.start_byte
        if node.type == "use_list":
            stack.extend((child, prefix, rooted) for child in reversed(node.named_children))
        elif node.type == "scoped_use_list":
            path, inner = node.child_by_field_name("path"), node.child_by_field_name("list")
            rooted = rooted or _begins_rooted(node)
            if inner is not None:
                stack.append((inner, prefix + _names(path), rooted))
        elif node.type == "use_wildcard":
            inside = tuple(name for child in node.named_children for name in _names(child))
            yield Import(prefix + inside, None, start, True, rooted or _begins_rooted(node))
        elif node.type == "use_as_clause":
            path, alias = node.child_by_field_name("path"), node.child_by_field_name("alias")
            name = plain(text_of(alias)) if alias is not None else "_"
            whole = _without_self(prefix + _names(path), prefix)
            rooted = rooted or _begins_rooted(node)
            yield Import(whole, None if name == "_" else name, start, rooted=rooted)
        elif node.type not in _COMMENTS:
            whole = _without_self(prefix + _names(node), prefix)
            rooted = rooted or _begins_rooted(node)
            yield Import(whole, whole[-1] if whole else None, start, rooted=rooted)


def _without_self(segments: tuple[str, ...], prefix: tuple[str, ...]) -> tuple[str, ...]:
    """`a::{self}` names `a` itself."""
    return segments[:-1] if prefix and segments[-1:] == ("self",) else segments


def _names(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(token.text for token in tokens(node) if token.named)


def _begins_rooted(node: Node) -> bool:
    """Is `::` its first token?"""
    first: Node | None = node
    while first is not None and first.child_count:
        first = next((one for one in first.children if one.type not in _COMMENTS), None)
    return first is not None and first.type == "::"
