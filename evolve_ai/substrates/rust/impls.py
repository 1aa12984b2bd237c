"""Owns the rule on impls: those that could mean something else in a crate of their own.

A gene file is compiled as a part of the agent and as a crate by itself. What Rust allows within one
crate only (impls on another file's types) or judges by what a crate may not know of another
(whether two impls overlap) is refused, so that both ways always give the same verdict.
"""

from collections import Counter
from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax

_TYPES = frozenset({"struct_item", "enum_item", "union_item"})


def impl_errors(root: Node) -> Iterator[tuple[int, str]]:
    blocks = [node for node, _ in syntax.walk(root) if node.type == "impl_item"]
    counted = Counter(_subject(block) for block in blocks)
    for block in blocks:
        line = syntax.line_of(block)
        trait, target = _subject(block)
        if target not in _declared_beside(block):
            shown = syntax.text_of(block).split("{")[0].strip()[:60]
            yield line, f"`{shown}` is not allowed: its type is not declared beside it"
        elif counted[trait, target] > 1 and _is_generic(block):
            shown = f"impl {trait + ' for ' if trait else ''}{target}"
            yield line, f"a generic `{shown}` must be the only one in the file"


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


def _declared_beside(block: Node) -> set[str]:
    """Types of the same scope: only these are surely what the name of the impl means."""
    siblings = block.parent.children if block.parent is not None else []
    names = (node.child_by_field_name("name") for node in siblings if node.type in _TYPES)
    return {syntax.plain(syntax.text_of(name)) for name in names if name is not None}


def _is_generic(block: Node) -> bool:
    parameters = block.child_by_field_name("type_parameters")
    return parameters is not None and any(
        child.type in ("type_parameter", "const_parameter") for child in parameters.children
    )
