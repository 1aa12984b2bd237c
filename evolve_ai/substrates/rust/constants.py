"""The rule on what the compiler computes: it must not take minutes, or gigabytes."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.policy import MAX_LENGTH
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import SourceTree

_COMPUTED = ("const_item", "const_block", "enum_variant")
_WITH_LENGTH = ("array_type", "array_expression", "token_tree")
# Each hop may double the work.
_HOPS = 12
_MOST = 2**64
_LOOPS = frozenset({"loop", "while", "for"})
_INTEGER = re.compile(
    r"(0x[0-9a-fA-F_]+?|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)_*(?:[iu](?:8|16|32|64|128|size))?"
)


def constant_errors(tree: SourceTree) -> Iterator[Breach]:
    lengths = [
        length
        for kind in _WITH_LENGTH
        for node in tree.kinds[kind]
        if (length := _length(node)) is not None
    ]
    computed = [node for kind in _COMPUTED for node in tree.kinds[kind]]
    computed += [node for node in tree.kinds["function_item"] if _is_const_function(node)]
    yield from _loops(tree, [*computed, *lengths])
    constants = _constants(tree)
    for length in lengths:
        count = _count(length, constants)
        if count is not None and count > MAX_LENGTH:
            told = f"a length of {count} is more than {MAX_LENGTH}"
            yield length.start_byte, "array-length", told


def _loops(tree: SourceTree, computed: list[Node]) -> Iterator[Breach]:
    """The words of loops inside what the compiler computes; each is met once, however deep."""
    if not computed:
        return
    starts = [leaf.start_byte for leaf in tree.leaves]
    done = 0
    for begin, end in sorted((node.start_byte, node.end_byte) for node in computed):
        first, last = bisect_left(starts, max(begin, done)), bisect_left(starts, end)
        done = max(done, end)
        for at in range(first, last):
            word = tree.words[at]
            if word in _LOOPS and not (word == "for" and tree.words[at + 1 : at + 2] == ["<"]):
                reason = "a constant is computed by the compiler, and has no loops"
                yield starts[at], "constant-loop", f"{reason} (`{word}`)"


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
    children = node.children
    if children and children[0].type == "[":
        after = [next_ for one, next_ in pairwise(children) if one.type == ";"]
        return after[-1] if after else None
    return None


def _constants(tree: SourceTree) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for node in tree.kinds["const_item"]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None:
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
