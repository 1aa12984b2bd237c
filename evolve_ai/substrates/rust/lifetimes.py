"""Refuses what makes the compiler lose a lifetime, so that safe code reads memory that is gone.

A closure counts as living as long as what it has captured, whatever lifetimes its result names;
and so does, wrongly, what is typed by its result (rust-lang/rust#84366). Values of such a type are
to be had in three ways: by an associated type of a type parameter, by an impl that learns a type
from a bound alone, and by what an iterator holds that was peeked at.
"""

from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import SourceTree

RULE = "lost-lifetime"
_DOOR = "peek_mut"


def lifetime_errors(tree: SourceTree) -> Iterator[Breach]:
    for at, word in enumerate(tree.words):
        if word == _DOOR and tree.words[at - 1 : at] in (["."], ["::"]):
            yield tree.leaves[at].start_byte, RULE, f"`{_DOOR}` is not allowed: match on `peek`"
    parameters = {_name(node) for node in tree.kinds["type_parameter"]}
    for node in tree.kinds["scoped_type_identifier"]:
        if _is_projected(tree, node, parameters):
            shown = "".join(syntax.text_of(node).split())[:60]
            told = f"`{shown}` is not allowed: name it as a parameter (`I: Iterator<Item = T>`)"
            yield node.start_byte, RULE, told
    for block in tree.kinds["impl_item"]:
        unseen = _learned(block)
        if unseen:
            told = f"`{unseen}` has to be named by what is implemented, or for what"
            yield block.start_byte, RULE, told


def _is_projected(tree: SourceTree, node: Node, parameters: set[str]) -> bool:
    """Is it an associated type, and of what is known in no more than a bound?"""
    path = node.child_by_field_name("path")
    if path is None:
        return False
    if path.type == "bracketed_type":
        return True
    name = syntax.plain(syntax.text_of(path))
    return name in parameters or (name == "Self" and _is_open(tree, node))


def _is_open(tree: SourceTree, node: Node | None) -> bool:
    """Does `Self` stand for many types here? In a trait it does, and in a generic impl."""
    while node is not None and node.type not in ("trait_item", "impl_item"):
        node = tree.parent(node)
    return node is not None and (node.type == "trait_item" or bool(_own(node)))


def _own(block: Node) -> set[str]:
    declared = block.child_by_field_name("type_parameters")
    found = declared.named_children if declared is not None else []
    return {_name(one) for one in found if one.type == "type_parameter"}


def _learned(block: Node) -> str | None:
    """A type parameter of an impl that neither its type nor its trait names."""
    named = set()
    for field in ("trait", "type"):
        node = block.child_by_field_name(field)
        if node is not None:
            named |= {syntax.plain(one.text) for one in syntax.tokens(node) if one.named}
    return min(_own(block) - named, default=None)


def _name(node: Node) -> str:
    name = node.child_by_field_name("name")
    return syntax.plain(syntax.text_of(name)) if name is not None else ""
