"""Owns the audit of a gene file: by syntax tree, what is not allowed is refused."""

import re
from collections import defaultdict
from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.constants import constant_errors
from evolve_ai.substrates.rust.impls import impl_errors
from evolve_ai.substrates.rust.policy import (
    ADDRESSES,
    ATTRIBUTES,
    DERIVES,
    GENERATED_PREFIX,
    ITEM_WORDS,
    KEPT_FROM_CRATES,
    KERNEL_NAMES,
    LINT_PREFIX,
    LINTS,
    MACROS,
    MAX_DEPTH,
    PRELUDE,
    RESERVED_ROOTS,
    STD_PATHS,
    WORDS,
)
from evolve_ai.substrates.rust.syntax import Import, PathUse, Token
from evolve_ai.substrates.rust.values import value_errors

# A finding: the line, and what is wrong there.
Finding = tuple[int, str]

# After these words `!` is a negation, not the mark of a macro.
_KEYWORDS = frozenset(
    ["if", "while", "match", "return", "in", "else", "break", "let", "mut", "move", "ref", "as"]
)
_DECLARING = frozenset(
    [
        "struct_item",
        "enum_item",
        "union_item",
        "trait_item",
        "type_item",
        "type_parameter",
        "const_parameter",
        "associated_type",
        "const_item",
        "function_item",
        "function_signature_item",
        "enum_variant",
    ]
)
# The escapes of a string literal (Rust reference, "Tokens"); the last one joins lines.
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u\{([0-9a-fA-F_]+)\}|\r?\n[ \t\r\n]*|.)", re.DOTALL)
_POINTER_FORMAT = re.compile(r"\{[^{}]*:[^{}]*p[\s\u200e\u200f]*\}")


def audit(
    root: Node,
    leaves: list[Token],
    imported: tuple[Import, ...],
    written: tuple[PathUse, ...],
    crates: frozenset[str],
) -> str | None:
    """The first thing, in line order, that the policy refuses, as "line 3: …"; or None."""
    names = _Names(root, imported, crates)
    findings = [
        *_words(leaves),
        *_macros(leaves),
        *_structure(root),
        *impl_errors(root),
        *value_errors(root, imported, crates),
        *constant_errors(root),
        *names.findings(imported),
        *(
            (path.line, reason)
            for path in written
            if (reason := names.refusal(path.segments, path.rooted))
        ),
    ]
    if not findings:
        return None
    line, reason = min(findings)
    return f"line {line}: {reason}"


def _words(leaves: list[Token]) -> Iterator[Finding]:
    """Words and marks that are refused wherever they stand, in macros too."""
    for at, token in enumerate(leaves):
        before = leaves[at - 1].text if at else ""
        if token.text in WORDS and before != "'":
            yield token.line, f"{WORDS[token.text]} is not allowed in a gene (`{token.text}`)"
        elif token.text in ("const", "mut") and before in ("*", "raw"):
            yield token.line, f"a raw pointer is not allowed in a gene (`{before} {token.text}`)"
        elif token.text in ADDRESSES and before in (".", "::"):
            yield token.line, f"`{token.text}` tells an address, which differs from run to run"
        elif token.text in RESERVED_ROOTS and before == "::":
            # `a > ::std::x` and `<T>::std` look the same in a macro: neither is needed
            yield token.line, f"`::{token.text}` is not allowed"
        elif token.in_macro and token.text in ITEM_WORDS:
            yield token.line, f"`{token.text}` inside a macro is not allowed"
        elif token.named and not token.text.isascii():
            yield token.line, f"names are written in ASCII, not `{token.text[:40]}`"
        elif token.named and token.text.startswith(GENERATED_PREFIX):
            yield token.line, f"names that begin with `{GENERATED_PREFIX}` are kept for the build"
        elif token.kind.endswith("string_literal") and _POINTER_FORMAT.search(_said(token)):
            yield token.line, "`{:p}` shows an address, which differs from run to run"


def _said(literal: Token) -> str:
    """What a string literal stands for, so that `\\x70` is seen as the letter it is."""
    if literal.kind != "string_literal":
        return literal.text
    return _ESCAPE.sub(_unescaped, literal.text)


def _unescaped(found: re.Match[str]) -> str:
    digits = (found[1] or found[2] or "").replace("_", "")
    if digits:
        number = int(digits, 16)
        return chr(number) if number <= 0x10FFFF else ""
    return {"n": "\n", "r": "\r", "t": "\t"}.get(found[0][1:], "")


def _macros(leaves: list[Token]) -> Iterator[Finding]:
    for at, token in enumerate(leaves[1:-1], start=1):
        name, after = leaves[at - 1], leaves[at + 1].text
        if token.text != "!" or after not in ("(", "[", "{") or not name.named:
            continue
        if name.text in _KEYWORDS:
            continue
        path = at > 1 and leaves[at - 2].text == "::"
        if path or name.text not in MACROS:
            yield token.line, f"the macro `{name.text}!` is not allowed"


def _structure(root: Node) -> Iterator[Finding]:
    """What only the tree can tell: attributes, visibility, macros of its own, depth."""
    for node, depth in syntax.walk(root):
        line = syntax.line_of(node)
        if depth > MAX_DEPTH:
            yield line, f"nested deeper than {MAX_DEPTH} levels"
            return
        if node.type in ("attribute_item", "inner_attribute_item"):
            yield from _attribute(node)
        elif node.type == "visibility_modifier" and syntax.text_of(node) != "pub":
            shown = syntax.text_of(node)
            yield line, f"`{shown}` is not allowed: a gene shows a thing to all (`pub`) or to none"
        elif node.type == "macro_definition":
            yield line, f"{WORDS['macro_rules!']} is not allowed in a gene"
        elif node.type == "pointer_type":
            yield line, f"a raw pointer is not allowed in a gene (`{syntax.text_of(node)[:40]}`)"
        elif node.type == "foreign_mod_item" or node.type == "extern_crate_declaration":
            yield line, f"{WORDS['extern']} is not allowed in a gene"
        elif node.type in ("shebang", "gen_block"):
            yield line, f"`{syntax.text_of(node)[:40]}` is not allowed in a gene"


def _attribute(item: Node) -> Iterator[Finding]:
    line = syntax.line_of(item)
    leaves = [token for token in syntax.tokens(item) if token.text not in ("#", "!", "[", "]")]
    name = leaves[0].text if leaves else ""
    if name not in ATTRIBUTES or (len(leaves) > 1 and leaves[1].text not in ("(", "=")):
        shown = " ".join(syntax.text_of(item).split())[:60]
        yield line, f"the attribute `{shown}` is not allowed"
    elif name == "derive":
        for token in leaves[1:]:
            if token.text not in DERIVES and token.text not in ("(", ")", ","):
                yield line, f"only traits of the standard library are derived, not `{token.text}`"
    elif name == "allow":
        for lint in "".join(token.text for token in leaves[2:-1]).split(","):
            if lint and lint not in LINTS and not lint.startswith(LINT_PREFIX):
                yield line, f"the lint `{lint[:60]}` may not be switched off"
    elif len(leaves) > 1 and leaves[1].text == "=" and not leaves[2].kind.endswith("literal"):
        yield line, f"`{name} = …` takes a plain string"


class _Names:
    """What the first segment of a path can stand for in this file."""

    def __init__(self, root: Node, imported: tuple[Import, ...], crates: frozenset[str]):
        self.crates = crates
        self.imports: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for item in imported:
            if item.name is not None and not item.glob:
                self.imports[item.name].append(item.segments)
        self.local: dict[str, int] = {}
        for node, _ in syntax.walk(root):
            name = node.child_by_field_name("name") if node.type in _DECLARING else None
            if name is not None:
                self.local.setdefault(syntax.plain(syntax.text_of(name)), syntax.line_of(node))

    def findings(self, imported: tuple[Import, ...]) -> Iterator[Finding]:
        """What is wrong with declared names and with `use`."""
        for name, line in self.local.items():
            if name in RESERVED_ROOTS or name in self.crates:
                yield line, f"nothing may be called `{name}`, it would hide the real one"
        for item in imported:
            if self._hides(item):
                yield item.line, f"nothing may be called `{item.name}`, it would hide the real one"
            elif any(part.startswith(GENERATED_PREFIX) for part in item.segments):
                yield (
                    item.line,
                    f"names that begin with `{GENERATED_PREFIX}` are kept for the build",
                )
            reason = self.refusal(item.segments, item.rooted, glob=item.glob)
            if reason:
                yield item.line, reason

    def _hides(self, item: Import) -> bool:
        """Does it take a name that must go on to mean what it always means?

        A macro of a crate, called `vec` here, could write what no gene may say.
        """
        name = item.name or ""
        if name in RESERVED_ROOTS or name.startswith(GENERATED_PREFIX):
            return True
        if item.segments[:1] in (("std",), ("core",)):
            return name in self.crates
        if name in self.crates and item.segments != (name,):
            return True
        return bool(self.crates) and name in KEPT_FROM_CRATES

    def refusal(
        self, segments: tuple[str, ...], rooted: bool, glob: bool = False, hops: int = 0
    ) -> str | None:
        """Why this path is not allowed, or None."""
        shown = ("::" if rooted else "") + "::".join(segments)
        first = segments[0] if segments else ""
        if rooted or hops > 8 or any(part in RESERVED_ROOTS for part in segments[1:]):
            return f"`{shown}` is not allowed"
        if first in ("std", "core"):
            return None if _is_calm(segments[1:], glob) else _not_calm(shown)
        if first == "crate":
            return None if _is_ours(segments, glob) else _not_ours(shown)
        if first in self.crates:
            return f"`{shown}::*`: a crate is used by name, not as a whole" if glob else None
        if first == "self":
            rest = segments[1:]
            return self.refusal(rest, False, glob, hops + 1) if len(rest) > 1 else None
        if first in self.imports:
            whole = (target + segments[1:] for target in self.imports[first])
            led = [path for path in whole if path != segments]  # `use x;` leads nowhere
            if led:
                reasons = (self.refusal(path, False, glob, hops + 1) for path in led)
                return next((reason for reason in reasons if reason), None)
        if first in RESERVED_ROOTS - {"Self"} or not (
            first in self.local or first in PRELUDE or first == "Self"
        ):
            whose = "nothing in this file declares or uses, and which is no crate of the template"
            return f"`{shown}` begins with `{first}`, which {whose}"
        return None


def _is_calm(inner: tuple[str, ...], glob: bool) -> bool:
    """Does a path inside std or core only compute? Of fmt, only what shows no addresses."""
    if inner == ("fmt",):
        return not glob
    return any("::".join(inner[:length]) in STD_PATHS for length in (1, 2))


def _not_calm(shown: str) -> str:
    if "Hash" in shown or shown.endswith("collections"):
        return f"`{shown}` is not allowed: use BTreeMap or BTreeSet, whose order never changes"
    return f"`{shown}` is not allowed: a gene computes, it does not reach outside"


def _is_ours(segments: tuple[str, ...], glob: bool) -> bool:
    if segments[1:2] == ("kernel",):
        return len(segments) > 2 and segments[2] in KERNEL_NAMES
    return segments[1:2] == ("genes",) and len(segments) > 2 and segments[2] != ""


def _not_ours(shown: str) -> str:
    names = " or ".join(f"`crate::kernel::{name}`" for name in sorted(KERNEL_NAMES))
    return f"`{shown}` is not allowed: a gene uses {names}, and other genes as `crate::genes::x`"
