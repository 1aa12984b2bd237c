"""Reads one gene file: its genes, traits, uses and measures."""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.model.report import Finding, Severity, SourceReport
from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.audit import audit
from evolve_ai.substrates.rust.gene_names import KEYWORDS, NAMES
from evolve_ai.substrates.rust.policy import DEFAULT, MAX_DEPTH, Policy
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import Import, PathUse, SourceTree

MAX_SOURCE_BYTES = 1024 * 1024
TRAIT_METHOD = "trait_in"
MAX_NAME = 64  # letters, as in a genome

# Control characters, and those that change how a text looks: readers must agree on what it says.
_STRANGE = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRAIT_TEXT = re.compile(r'"[A-Za-z_][A-Za-z0-9_]{0,63}"')
_GENE = ["visibility_modifier", "fn", "identifier", "parameters", "block"]
_DECISIONS = (
    "if_expression",
    "while_expression",
    "for_expression",
    "loop_expression",
    "try_expression",
)


def read_source(path: str, code: bytes, policy: Policy = DEFAULT) -> SourceReport:
    """Read, measure and audit one gene file. What is wrong with the file stands in the report."""
    digest = hashlib.sha256(code).hexdigest()
    lines = code.count(b"\n") + (not code.endswith(b"\n") and bool(code))
    unreadable = _unreadable(code)
    if unreadable:
        return _no_source(path, digest, lines, unreadable)
    tree = SourceTree(code, MAX_DEPTH)
    readable = tree.too_deep is None
    imported = tuple(tree.imports()) if readable else ()
    written = tuple(tree.paths()) if readable else ()
    traits, breaches = _traits(tree)
    genes = [node.child_by_field_name("name") or node for node in _genes(tree.root)]
    breaches += _misnamed(genes)
    error = _syntax_error(tree)
    return SourceReport(
        path=path,
        code=digest,
        genes=tuple(dict.fromkeys(name for name in map(_plain, genes) if NAMES.is_name(name))),
        traits=traits,
        uses=_uses(imported, written),
        functions=len(tree.kinds["function_item"]),
        complexity=_complexity(tree),
        lines=lines,
        syntax_error=_bare(error) if error else None,
        findings=(error,) if error else audit(tree, imported, written, policy, breaches),
    )


def _no_source(path: str, digest: str, lines: int, found: Finding) -> SourceReport:
    return SourceReport(
        path, digest, (), (), (), 0, 0, lines, syntax_error=_bare(found), findings=(found,)
    )


def _syntax_error(tree: SourceTree) -> Finding | None:
    found = syntax.first_error(tree.root)
    if found is None:
        return None
    node, told = found
    return Finding("syntax", Severity.ERROR, *tree.place_of(node.start_byte), told)


def _bare(found: Finding) -> str:
    """Without the rule: that a file cannot be read is no matter of policy."""
    return f"line {found.line}: {found.text}"


def _unreadable(code: bytes) -> Finding | None:
    if len(code) > MAX_SOURCE_BYTES:
        told = f"{len(code)} bytes, more than the {MAX_SOURCE_BYTES} allowed"
        return Finding("not-text", Severity.ERROR, 1, 1, told)
    try:
        text = code.decode()
    except UnicodeDecodeError as error:
        told = f"not UTF-8 (byte {error.start} is 0x{code[error.start]:02x})"
        before = code[: error.start].decode()
        return Finding("not-text", Severity.ERROR, *_place(before), told)
    strange = _STRANGE.search(text)
    if strange:
        told = f"the character U+{ord(strange[0]):04X} cannot be seen"
        place = _place(text[: strange.start()])
        return Finding("invisible-character", Severity.ERROR, *place, told)
    return None


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _genes(root: Node) -> Iterator[Node]:
    return (node for node in root.children if node.type == "function_item" and _is_gene(node))


def _plain(name: Node) -> str:
    return syntax.plain(syntax.text_of(name))


def _misnamed(names: list[Node]) -> Iterator[Breach]:
    """Genes that a genome cannot name; of letters outside of ASCII another rule tells."""
    seen: set[str] = set()
    for node in names:
        name = _plain(node)
        if name in KEYWORDS:
            told = f"a gene cannot be called `{name}`: that is a word of Rust"
            yield node.start_byte, "gene-name", told
        elif len(name) > MAX_NAME and name.isascii():
            told = f"the name of a gene has {len(name)} letters, {MAX_NAME} are allowed"
            yield node.start_byte, "gene-name", told
        elif name in seen:
            yield node.start_byte, "gene-name", f"a gene `{name}` stands twice in this file"
        seen.add(name)


def _is_gene(function: Node) -> bool:
    """Exactly `pub fn name(agent: &mut Agent)`: no generics, no result, nothing before `fn`."""
    shape = [child for child in function.children if "comment" not in child.type]
    if [child.type for child in shape] != _GENE or syntax.text_of(shape[0]) != "pub":
        return False
    written = [token.text for token in syntax.tokens(shape[3])]
    if written[-2:] == [",", ")"]:
        del written[-2]
    name = _NAME.fullmatch("".join(written[1:2]))
    return bool(name) and written[:1] + written[2:] == ["(", ":", "&", "mut", "Agent", ")"]


def _traits(tree: SourceTree) -> tuple[tuple[str, ...], list[Breach]]:
    """The names given to `trait_in`, in order of name; and what is wrong with some of them."""
    found: set[str] = set()
    breaches: list[Breach] = []
    for at, word in enumerate(tree.words):
        if word != TRAIT_METHOD or tree.words[at - 1 : at] not in (["."], ["::"]):
            continue
        is_call = (tree.words[at - 1], *tree.words[at + 1 : at + 2]) == (".", "(")
        value = tree.words[at + 2 : at + 3] if is_call else []
        if value and _TRAIT_TEXT.fullmatch(value[0]):
            found.add(value[0].strip('"'))
        else:
            reason = "needs the name of its trait as a string literal, a word of at most 64 letters"
            told = f"`.{TRAIT_METHOD}(…)` {reason}"
            breaches.append((tree.leaves[at].start_byte, "trait-name", told))
    return tuple(sorted(found)), breaches


def _uses(imported: tuple[Import, ...], written: tuple[PathUse, ...]) -> tuple[str, ...]:
    """The files of modules named as `crate::genes::x`. Its own is among them if it says so: what a
    report says depends on the content alone, since reports are kept by content."""
    named = [*(item.segments for item in imported), *(path.segments for path in written)]
    found = {path[2] for path in named if path[:2] == ("crate", "genes") and len(path) > 2}
    return tuple(map(NAMES.path_of, sorted(found - {""})))


def _complexity(tree: SourceTree) -> int:
    """McCabe 1976: one for each function, plus one for each decision inside functions."""
    kinds, functions = tree.kinds, _outermost(tree.kinds["function_item"])
    decisions = [node.start_byte for kind in _DECISIONS for node in kinds[kind]]
    for block in kinds["match_block"]:
        arms = sum(1 for arm in block.children if arm.type == "match_arm")
        decisions += [block.start_byte] * (arms - 1)
    for mark in (*kinds["&&"], *kinds["||"]):
        around = tree.parent(mark)
        if around is not None and around.type in ("binary_expression", "let_chain"):
            decisions.append(mark.start_byte)
    begins = [begin for begin, _ in functions]
    inside = (bisect_right(begins, start) for start in decisions)
    within = sum(
        1
        for at, start in zip(inside, decisions, strict=True)
        if at and start < functions[at - 1][1]
    )
    return len(kinds["function_item"]) + within


def _outermost(functions: list[Node]) -> list[tuple[int, int]]:
    """Where functions begin and end, without those inside others; in text order."""
    found: list[tuple[int, int]] = []
    for node in functions:
        if not found or node.start_byte >= found[-1][1]:
            found.append((node.start_byte, node.end_byte))
    return found
