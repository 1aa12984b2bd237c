"""Owns the reading of Rust text: its syntax tree, its tokens, the paths written in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_rust
from tree_sitter import Language, Node, Parser, Tree

LANGUAGE = Language(tree_sitter_rust.language())

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


@dataclass(frozen=True, slots=True)
class Token:
    """A leaf of the tree: its text, its kind, the line it begins on, whether it is in a macro."""

    text: str
    kind: str
    line: int
    in_macro: bool = False

    @property
    def named(self) -> bool:
        return self.kind in _NAMES


@dataclass(frozen=True, slots=True)
class PathUse:
    """A path of two or more segments outside `use`; `rooted` if it began with `::`."""

    segments: tuple[str, ...]
    line: int
    rooted: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """One leaf of a `use` tree. `name` is what it is called here, None for a glob or `_`."""

    segments: tuple[str, ...]
    name: str | None
    line: int
    glob: bool = False
    rooted: bool = False


def parse(code: bytes) -> Tree:
    return Parser(LANGUAGE).parse(code)


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


def syntax_error(root: Node) -> str | None:
    """The first place that is no Rust, as "line 12: …", or None."""
    if not root.has_error:
        return None
    for node, _ in walk(root):
        if node.is_missing:
            return f"line {line_of(node)}: cannot be read as Rust: `{node.type}` is missing"
        if node.is_error:
            shown = " ".join(text_of(node).split())[:60]
            return f"line {line_of(node)}: cannot be read as Rust: `{shown}`"
    return "line 1: cannot be read as Rust"


def tokens(root: Node) -> list[Token]:
    """The leaves in text order, without comments and without `use` declarations."""
    found: list[Token] = []
    stack = [(root, False)]
    while stack:
        node, in_macro = stack.pop()
        if node.type in _COMMENTS or node.type == "use_declaration":
            continue
        if node.child_count == 0 or node.type in _ATOMS:
            found.append(Token(plain(text_of(node)), node.type, line_of(node), in_macro))
            continue
        inside = in_macro or node.type == "token_tree"
        stack.extend((child, inside) for child in reversed(node.children))
    return found


def paths(leaves: list[Token]) -> Iterator[PathUse]:
    """Every `a::b…` among the leaves, up to the first generic argument."""
    at = 0
    while at < len(leaves):
        token = leaves[at]
        before = leaves[at - 1] if at else None
        if token.text == "::" and not (before and (before.named or before.text.endswith(">"))):
            segments, at = _segments(leaves, at + 1)
            if segments:
                yield PathUse(segments, token.line, rooted=True)
        elif token.named and not (before and before.text == "::"):
            method = before is not None and before.text == "."  # as in `.sum::<f64>()`
            segments, at = _segments(leaves, at)
            if len(segments) > 1 and not method:
                yield PathUse(segments, token.line)
        else:
            at += 1


def _segments(leaves: list[Token], at: int) -> tuple[tuple[str, ...], int]:
    """The path that starts here, and where it ends. A trailing `::` counts as an empty name."""
    segments: list[str] = []
    while at < len(leaves) and leaves[at].named:
        segments.append(leaves[at].text)
        at += 1
        if at >= len(leaves) or leaves[at].text != "::":
            break
        at += 1
        if at < len(leaves) and not leaves[at].named:
            segments.append("")  # `Vec::<u8>`: it goes on, whatever comes
    return tuple(segments), at


def imports(root: Node) -> Iterator[Import]:
    """Every leaf of every `use` tree, wherever in the file it stands."""
    for node, _ in walk(root):
        if node.type == "use_declaration":
            argument = node.child_by_field_name("argument")
            if argument is not None:
                yield from _leaves_of_use(argument)


def _leaves_of_use(argument: Node) -> Iterator[Import]:
    stack: list[tuple[Node, tuple[str, ...], bool]] = [(argument, (), False)]
    while stack:
        node, prefix, rooted = stack.pop()
        line = line_of(node)
        if node.type == "use_list":
            stack.extend((child, prefix, rooted) for child in reversed(node.named_children))
        elif node.type == "scoped_use_list":
            path, inner = node.child_by_field_name("path"), node.child_by_field_name("list")
            rooted = rooted or _begins_rooted(node)
            if inner is not None:
                stack.append((inner, prefix + _names(path), rooted))
        elif node.type == "use_wildcard":
            inside = tuple(name for child in node.named_children for name in _names(child))
            yield Import(prefix + inside, None, line, True, rooted or _begins_rooted(node))
        elif node.type == "use_as_clause":
            path, alias = node.child_by_field_name("path"), node.child_by_field_name("alias")
            name = plain(text_of(alias)) if alias is not None else "_"
            whole = _without_self(prefix + _names(path), prefix)
            rooted = rooted or _begins_rooted(node)
            yield Import(whole, None if name == "_" else name, line, rooted=rooted)
        elif node.type not in _COMMENTS:
            whole = _without_self(prefix + _names(node), prefix)
            rooted = rooted or _begins_rooted(node)
            yield Import(whole, whole[-1] if whole else None, line, rooted=rooted)


def _without_self(segments: tuple[str, ...], prefix: tuple[str, ...]) -> tuple[str, ...]:
    """`a::{self}` names `a` itself."""
    return segments[:-1] if prefix and segments[-1:] == ("self",) else segments


def _names(node: Node | None) -> tuple[str, ...]:
    if node is None:
        return ()
    return tuple(token.text for token in tokens(node) if token.named)


def _begins_rooted(node: Node) -> bool:
    leaves = tokens(node)
    return bool(leaves) and leaves[0].text == "::"
