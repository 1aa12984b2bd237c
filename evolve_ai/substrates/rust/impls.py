"""The rule on impls: those that could mean something else in a crate of their own.

A gene file is compiled as a part of the agent and as a crate by itself. What Rust allows within one
crate only (impls on another file's types) or judges by what a crate may not know of another
(whether two impls overlap) is refused, so that both ways always give the same verdict.
"""

from collections import Counter
from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import SourceTree

_TYPES = ("struct_item", "enum_item", "union_item")


def impl_errors(tree: SourceTree) -> Iterator[Breach]:
    blocks = tree.kinds["impl_item"]
    if not blocks:
        return
    types = _declared(tree)
    subjects = [_subject(block) for block in blocks]
    counted = Counter(subjects)
    for block, (trait, target) in zip(blocks, subjects, strict=True):
        around = tree.parent(block)
        if around is None or (around.id, target) not in types:
            shown = " ".join(_head(block).split())[:60]
            told = f"`{shown}` is not allowed: its type is not declared beside it"
            yield block.start_byte, "orphan-impl", told
        elif counted[trait, target] > 1 and _is_generic(block):
            shown = f"impl {trait + ' for ' if trait else ''}{target}"[:60]
            told = f"a generic `{shown}` must be the only one in the file"
            yield block.start_byte, "overlapping-impl", told


def _head(block: Node) -> str:
    """What stands before its body."""
    body = block.child_by_field_name("body")
    length = (body.start_byte if body is not None else block.end_byte) - block.start_byte
    return (block.text or b"")[:length].decode("utf-8", "replace")


def _subject(block: Node) -> tuple[str, str]:
    """(last word of the trait or "", name of the type or "")."""
    trait, target = block.child_by_field_name("trait"), block.child_by_field_name("type")
    if target is not None and target.type == "generic_type":
        target = target.child_by_field_name("type")
    name = syntax.text_of(target) if target is not None else ""
    bare = target is not None and target.type == "type_identifier"
    return _last_word(trait), syntax.plain(name) if bare else ""


def _last_word(trait: Node | None) -> str:
    while trait is not None:
        inner = trait.child_by_field_name("type") or trait.child_by_field_name("name")
        if inner is None:
            return syntax.plain(syntax.text_of(trait))
        trait = inner
    return ""


def _declared(tree: SourceTree) -> set[tuple[int, str]]:
    """Types, each with its scope: only one beside it is surely what the name of an impl means."""
    found = set()
    for node in (node for kind in _TYPES for node in tree.kinds[kind]):
        name, scope = node.child_by_field_name("name"), tree.parent(node)
        if name is not None and scope is not None:
            found.add((scope.id, syntax.plain(syntax.text_of(name))))
    return found


def _is_generic(block: Node) -> bool:
    parameters = block.child_by_field_name("type_parameters")
    return parameters is not None and any(
        child.type in ("type_parameter", "const_parameter") for child in parameters.children
    )
