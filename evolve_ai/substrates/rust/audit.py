"""Audits a gene file: by syntax tree, what is not allowed is refused."""

import re
from collections.abc import Iterable, Iterator

from tree_sitter import Node

from evolve_ai.model.report import Finding, Severity
from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.constants import constant_errors
from evolve_ai.substrates.rust.impls import impl_errors
from evolve_ai.substrates.rust.lifetimes import lifetime_errors
from evolve_ai.substrates.rust.names import name_errors
from evolve_ai.substrates.rust.policy import (
    ADDRESSES,
    ATTRIBUTES,
    DERIVES,
    GENERATED_PREFIX,
    ITEM_WORDS,
    LINT_PREFIX,
    LINTS,
    MAX_DEPTH,
    MAX_FINDINGS,
    RESERVED_ROOTS,
    WORDS,
    Policy,
)
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.syntax import Import, PathUse, SourceTree, Token
from evolve_ai.substrates.rust.values import value_errors

# After these words `!` is a negation, not the mark of a macro.
_KEYWORDS = frozenset(
    ["if", "while", "match", "return", "in", "else", "break", "let", "mut", "move", "ref", "as"]
)
_LOOKED_AT = ITEM_WORDS | ADDRESSES | RESERVED_ROOTS | WORDS.keys() | {"const", "mut"}
# The escapes of a string literal (Rust reference, "Tokens"); the last one joins lines.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F_]+)\}|\r?\n[ \t\r\n]*|.)", re.DOTALL)
_POINTER_FORMAT = re.compile(r"\{[^{}]*:[^{}]*p[\s\u200e\u200f]*\}")


def audit(
    tree: SourceTree,
    imported: tuple[Import, ...],
    written: tuple[PathUse, ...],
    policy: Policy,
    also: Iterable[Breach] = (),
) -> tuple[Finding, ...]:
    """All that the policy finds fault with, by place; of very much of it the first errors.

    `also` is what was found before.
    """
    if tree.too_deep is not None:
        deep = f"nested deeper than {MAX_DEPTH} levels"
        return judged(tree, [(tree.too_deep.start_byte, "nesting", deep)], policy)
    breaches = [
        *_words(tree),
        *_strings(tree),
        *_macros(tree, policy),
        *_structure(tree),
        *impl_errors(tree),
        *lifetime_errors(tree),
        *value_errors(tree, imported, policy.crates),
        *constant_errors(tree),
        *name_errors(tree, imported, written, policy),
        *also,
    ]
    return judged(tree, breaches, policy)


def judged(tree: SourceTree, breaches: Iterable[Breach], policy: Policy) -> tuple[Finding, ...]:
    """One finding for each place and rule, as severe as the policy says."""
    first = {(start, rule): text for start, rule, text in sorted(set(breaches), reverse=True)}
    severe = sorted(first, key=lambda one: (policy.severity(one[1]) is not Severity.ERROR, one))
    return tuple(
        Finding(rule, policy.severity(rule), *tree.place_of(start), first[start, rule])
        for start, rule in sorted(severe[:MAX_FINDINGS])
    )


def _words(tree: SourceTree) -> Iterator[Breach]:
    """Words and marks that are refused wherever they stand, in macros too."""
    for at, word in enumerate(tree.words):
        if word in _LOOKED_AT:
            yield from _word(tree, at)
        elif not word.isascii() and tree.is_named(at):
            told = f"names are written in ASCII, not `{word[:40]}`"
            yield tree.leaves[at].start_byte, "ascii-name", told
        elif word.startswith(GENERATED_PREFIX) and tree.is_named(at):
            yield tree.leaves[at].start_byte, "generated-name", _GENERATED


_GENERATED = f"names that begin with `{GENERATED_PREFIX}` are kept for the build"


def _word(tree: SourceTree, at: int) -> Iterator[Breach]:
    word, before, start = tree.words[at], tree.words[at - 1 : at], tree.leaves[at].start_byte
    if word in WORDS and before != ["'"]:
        rule, what = WORDS[word]
        yield start, rule, f"{what} is not allowed in a gene (`{word}`)"
    elif word in ("const", "mut") and before in (["*"], ["raw"]):
        told = f"a raw pointer is not allowed in a gene (`{before[0]} {word}`)"
        yield start, "raw-pointer", told
    elif word in ADDRESSES and before in (["."], ["::"]):
        yield start, "address", f"`{word}` tells an address, which differs from run to run"
    elif word in RESERVED_ROOTS and before == ["::"]:
        # `a > ::std::x` and `<T>::std` look the same in a macro: neither is needed
        yield start, "path-shape", f"`::{word}` is not allowed"
    elif word in ITEM_WORDS and tree.in_macro(at):
        yield start, "item-in-macro", f"`{word}` inside a macro is not allowed"


def _strings(tree: SourceTree) -> Iterator[Breach]:
    for kind in ("string_literal", "raw_string_literal"):
        for node in tree.kinds[kind]:
            if _POINTER_FORMAT.search(_said(kind, syntax.text_of(node))):
                shown = "`{:p}` shows an address, which differs from run to run"
                yield node.start_byte, "address", shown


def _said(kind: str, literal: str) -> str:
    """What a string literal stands for, so that `\\x70` is seen as the letter it is."""
    return _ESCAPE.sub(_unescaped, literal) if kind == "string_literal" else literal


def _unescaped(found: re.Match[str]) -> str:
    digits = (found[1] or found[2] or "").replace("_", "")
    if digits:
        number = int(digits, 16)
        return chr(number) if number <= 0x10FFFF else ""
    return {"n": "\n", "r": "\r", "t": "\t"}.get(found[0][1:], "")


def _macros(tree: SourceTree, policy: Policy) -> Iterator[Breach]:
    words = tree.words
    for at, word in enumerate(words):
        if word != "!" or not at or words[at + 1 : at + 2] not in (["("], ["["], ["{"]):
            continue
        name = words[at - 1]
        if not tree.is_named(at - 1) or name in _KEYWORDS:
            continue
        path = at > 1 and words[at - 2] == "::"
        if path or name not in policy.macros:
            start = tree.leaves[at - 1].start_byte
            yield start, "macro", f"the macro `{name[:60]}!` is not allowed"


def _structure(tree: SourceTree) -> Iterator[Breach]:
    """What only the tree can tell: attributes, visibility, macros of its own."""
    kinds = tree.kinds
    for node in (*kinds["attribute_item"], *kinds["inner_attribute_item"]):
        yield from _attribute(node)
    for node in kinds["visibility_modifier"]:
        shown = syntax.text_of(node)
        if shown != "pub":
            told = f"`{shown[:60]}` is not allowed: a gene shows a thing to all (`pub`) or to none"
            yield node.start_byte, "visibility", told
    for node in kinds["macro_definition"]:
        rule, what = WORDS["macro_rules!"]
        yield node.start_byte, rule, f"{what} is not allowed in a gene"
    for node in kinds["pointer_type"]:
        shown = syntax.text_of(node)[:40]
        told = f"a raw pointer is not allowed in a gene (`{shown}`)"
        # the word that `_words` sees: one finding for both
        word = next(
            (one for one in node.children if one.type in ("const", "mutable_specifier")), node
        )
        yield word.start_byte, "raw-pointer", told
    for node in (*kinds["foreign_mod_item"], *kinds["extern_crate_declaration"]):
        rule, what = WORDS["extern"]
        yield _of_word(node, "extern"), rule, f"{what} is not allowed in a gene"
    for node in (*kinds["shebang"], *kinds["gen_block"]):
        shown = " ".join(syntax.text_of(node).split())[:40]
        yield node.start_byte, "new-syntax", f"`{shown}` is not allowed in a gene"


def _of_word(node: Node, word: str) -> int:
    """Where the word stands that makes the node what it is: one finding for both."""
    return next((one.start for one in syntax.tokens(node) if one.text == word), node.start_byte)


def _attribute(item: Node) -> Iterator[Breach]:
    start = item.start_byte
    leaves = [token for token in syntax.tokens(item) if token.text not in ("#", "!", "[", "]")]
    name = leaves[0].text if leaves else ""
    if name not in ATTRIBUTES or (len(leaves) > 1 and leaves[1].text not in ("(", "=")):
        shown = " ".join(syntax.text_of(item).split())[:60]
        yield start, "attribute", f"the attribute `{shown}` is not allowed"
    elif name == "derive":
        for token in leaves[1:]:
            if token.text not in DERIVES and token.text not in ("(", ")", ","):
                told = f"only traits of the standard library are derived, not `{token.text[:60]}`"
                yield token.start, "derive", told
    elif name == "allow":
        for lint in "".join(token.text for token in leaves[2:-1]).split(","):
            if lint and lint not in LINTS and not lint.startswith(LINT_PREFIX):
                yield start, "lint", f"the lint `{lint[:60]}` may not be switched off"
    elif len(leaves) > 1 and leaves[1].text == "=" and not _is_literal(leaves[2:]):
        yield start, "attribute", f"`{name} = …` takes a plain string"


def _is_literal(value: list[Token]) -> bool:
    return len(value) == 1 and value[0].kind.endswith("literal")
