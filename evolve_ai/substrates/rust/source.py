"""Owns the reading of one gene file: its genes, traits, uses and measures."""

import hashlib
import re
from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.model.report import SourceReport
from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.audit import audit
from evolve_ai.substrates.rust.syntax import Import, PathUse, Token

MAX_SOURCE_BYTES = 1024 * 1024
TRAIT_METHOD = "trait_in"

# Control characters, and those that change how a text looks: readers must agree on what it says.
_STRANGE = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]"
)
_TRAIT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_DECISIONS = frozenset(
    {
        "if_expression",
        "while_expression",
        "for_expression",
        "loop_expression",
        "try_expression",
    }
)


def read_source(path: str, code: bytes, crates: frozenset[str] = frozenset()) -> SourceReport:
    """Read, measure and audit one gene file. What is wrong with the file stands in the report.

    `crates` are other people's, by the names that paths into them begin with.
    """
    digest = hashlib.sha256(code).hexdigest()
    lines = code.count(b"\n") + (not code.endswith(b"\n") and bool(code))
    unreadable = _unreadable(code)
    if unreadable:
        return SourceReport(path, digest, (), (), (), 0, 0, lines, syntax_error=unreadable)
    root = syntax.parse(code).root_node
    leaves = syntax.tokens(root)
    imported = tuple(syntax.imports(root))
    written = tuple(syntax.paths(leaves))
    traits, trait_error = _traits(leaves)
    error = syntax.syntax_error(root)
    return SourceReport(
        path=path,
        code=digest,
        genes=tuple(dict.fromkeys(_genes(root))),
        traits=traits,
        uses=_uses(imported, written),
        functions=sum(1 for node, _ in syntax.walk(root) if node.type == "function_item"),
        complexity=_complexity(root),
        lines=lines,
        syntax_error=error,
        audit_error=None
        if error
        else audit(root, leaves, imported, written, crates) or trait_error,
    )


def _unreadable(code: bytes) -> str | None:
    if len(code) > MAX_SOURCE_BYTES:
        return f"line 1: {len(code)} bytes, more than the {MAX_SOURCE_BYTES} allowed"
    try:
        text = code.decode()
    except UnicodeDecodeError as error:
        line = code.count(b"\n", 0, error.start) + 1
        return f"line {line}: not UTF-8 (byte {error.start} is 0x{code[error.start]:02x})"
    strange = _STRANGE.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        return f"line {line}: the character U+{ord(strange[0]):04X} cannot be seen"
    return None


def _genes(root: Node) -> Iterator[str]:
    for node in root.children:
        if node.type == "function_item" and _is_gene(node):
            yield syntax.plain(syntax.text_of(node.child_by_field_name("name") or node))


def _is_gene(function: Node) -> bool:
    """Exactly `pub fn name(agent: &mut Agent)`: no generics, no result, nothing before `fn`."""
    shape = [child.type for child in function.children if "comment" not in child.type]
    if shape != ["visibility_modifier", "fn", "identifier", "parameters", "block"]:
        return False
    parameters = function.child_by_field_name("parameters")
    assert parameters is not None
    written = "".join(token.text + " " for token in syntax.tokens(parameters))
    visibility = syntax.text_of(function.children[0])
    name = r"(?:[A-Za-z_][A-Za-z0-9_]*)"
    return visibility == "pub" and bool(
        re.fullmatch(rf"\( {name} : & mut Agent (?:, )?\) ", written)
    )


def _traits(leaves: list[Token]) -> tuple[tuple[str, ...], str | None]:
    """The names given to `trait_in`, in order of name; and what is wrong with one of them."""
    found: set[str] = set()
    for at, token in enumerate(leaves):
        if token.text != TRAIT_METHOD or at == 0 or leaves[at - 1].text not in (".", "::"):
            continue
        after = [*leaves[at + 1 : at + 3], token, token][:2]
        name = after[1].text.strip('"') if after[1].kind == "string_literal" else ""
        method = leaves[at - 1].text == "." and after[0].text == "("
        if not method or not _TRAIT.fullmatch(name):
            reason = "needs the name of its trait as a string literal, a word of at most 64 letters"
            return tuple(sorted(found)), f"line {token.line}: `.{TRAIT_METHOD}(…)` {reason}"
        found.add(name)
    return tuple(sorted(found)), None


def _uses(imported: tuple[Import, ...], written: tuple[PathUse, ...]) -> tuple[str, ...]:
    """Modules named as `crate::genes::x`. Its own is among them if it says so: what a report says
    depends on the content alone, since reports are kept by content."""
    named = [*(item.segments for item in imported), *(path.segments for path in written)]
    found = {path[2] for path in named if path[:2] == ("crate", "genes") and len(path) > 2}
    return tuple(sorted(found - {""}))


def _complexity(root: Node) -> int:
    """McCabe 1976: one for each function, plus one for each decision inside functions."""
    total = 0
    stack = [(root, False)]
    while stack:
        node, inside = stack.pop()
        if node.type == "function_item":
            inside = True
            total += 1
        elif inside:
            total += _decisions(node)
        stack.extend((child, inside) for child in node.children)
    return total


def _decisions(node: Node) -> int:
    if node.type in _DECISIONS:
        return 1
    if node.type == "match_block":
        return max(0, sum(1 for arm in node.children if arm.type == "match_arm") - 1)
    if node.type in ("binary_expression", "let_chain"):
        return sum(1 for child in node.children if child.type in ("&&", "||"))
    return 0
