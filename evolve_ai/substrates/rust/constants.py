"""Owns the rule on what the compiler computes: it must not take minutes, or gigabytes."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.policy import MAX_LENGTH

Finding = tuple[int, str]

_COMPUTED = frozenset({"const_item", "const_block", "enum_variant"})
# Each hop may double the work.
_HOPS = 12
_MOST = 2**64
_LOOPS = frozenset({"loop", "while", "for"})
_INTEGER = re.compile(
    r"(0x[0-9a-fA-F_]+?|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)_*(?:[iu](?:8|16|32|64|128|size))?"
)


def constant_errors(root: Node) -> Iterator[Finding]:
    constants = _constants(root)
    for node, _ in syntax.walk(root):
        if node.type in _COMPUTED or _is_const_function(node):
            yield from _loops(node)
        length = _length(node)
        if length is None:
            continue
        yield from _loops(length)
        count = _count(length, constants)
        if count is not None and count > MAX_LENGTH:
            yield syntax.line_of(length), f"a length of {count} is more than {MAX_LENGTH}"


def _loops(node: Node) -> Iterator[Finding]:
    leaves = syntax.tokens(node)
    for token, after in pairwise(leaves):
        if token.text in _LOOPS and not (token.text == "for" and after.text == "<"):
            reason = "a constant is computed by the compiler, and has no loops"
            yield token.line, f"{reason} (`{token.text}`)"


def _is_const_function(node: Node) -> bool:
    if node.type != "function_item":
        return False
    modifiers = [child for child in node.children if child.type == "function_modifiers"]
    return any("const" in syntax.text_of(child).split() for child in modifiers)


def _length(node: Node) -> Node | None:
    """What stands after the `;` of `[x; n]`, also in a macro."""
    if node.type == "array_type":
        return node.child_by_field_name("length")
    if node.type == "array_expression":
        length = node.child_by_field_name("length")
        if length is not None:
            return length
    if node.type in ("array_expression", "token_tree") and syntax.text_of(node)[:1] == "[":
        after = [node.children[at + 1] for at, c in enumerate(node.children[:-1]) if c.type == ";"]
        return after[-1] if after else None
    return None


def _constants(root: Node) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node, _ in syntax.walk(root):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if node.type == "const_item" and name is not None and value is not None:
            found[syntax.plain(syntax.text_of(name))] = value
    return found


def _count(node: Node | None, constants: dict[str, Node], hops: int = 0) -> int | None:
    """The number an expression of literals and constants comes to; None when it is not plain."""
    if node is None or hops > _HOPS:
        return None
    if node.type == "integer_literal":
        found = _INTEGER.fullmatch(syntax.text_of(node))
        return _integer(found[1]) if found and len(found[0]) < 200 else None
    if node.type == "identifier":
        return _count(constants.get(syntax.plain(syntax.text_of(node))), constants, hops + 1)
    if node.type in ("parenthesized_expression", "type_cast_expression", "block"):
        inner = node.named_children
        return _count(inner[0], constants, hops + 1) if inner else None
    if node.type != "binary_expression":
        return None
    left = _count(node.child_by_field_name("left"), constants, hops + 1)
    right = _count(node.child_by_field_name("right"), constants, hops + 1)
    mark = node.child_by_field_name("operator")
    if left is None or right is None or mark is None:
        return None
    results = {"+": left + right, "*": left * right, "-": left - right}
    results["<<"] = left << max(0, min(right, 128))
    result = results.get(syntax.text_of(mark))
    return None if result is None else min(result, _MOST)


def _integer(text: str) -> int:
    return min(_MOST, int(text.replace("_", "") or "0", 0 if text[1:2] in ("x", "o", "b") else 10))
