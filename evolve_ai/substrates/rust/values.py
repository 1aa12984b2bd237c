"""The rule on functions as values: where a function is not called, it could tell its address.

Two functions in one array, or in two arms of a choice, become pointers, which a cast or `{:?}` then
shows. They differ from run to run, and a history must not.
"""

from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.rules import Breach
from evolve_ai.substrates.rust.scope import Scopes
from evolve_ai.substrates.rust.syntax import Import, SourceTree

RULE = "function-value"

_BUILDERS = frozenset({"Some", "Ok", "Err"})
_CHOICES = frozenset({"array_expression", "match_arm", "break_expression", "return_expression"})
_BRANCHES = frozenset({"if_expression", "else_clause"})
_WRAPS = frozenset({"parenthesized_expression", "generic_function"})


def value_errors(
    tree: SourceTree, imported: tuple[Import, ...], crates: frozenset[str]
) -> Iterator[Breach]:
    rule, kinds = _Names(tree, imported, crates), tree.kinds
    for node in kinds["function_type"]:
        if any(child.type == "fn" for child in node.children):
            told = "a function pointer (`fn(…)`) is an address: take `impl Fn(…)` instead"
            yield node.start_byte, RULE, told
    for node in kinds["closure_expression"]:
        if rule.is_chosen(node):
            told = "closures side by side become function pointers, which are addresses"
            yield node.start_byte, RULE, told
    wanted = rule.functions | rule.others
    likely = {
        tree.leaves[at].start_byte
        for at, word in enumerate(tree.words)
        if word in wanted or (rule.open and rule.may_be(word))
    }
    names = (node for node in kinds["identifier"] if node.start_byte in likely) if likely else ()
    for node in (*names, *kinds["scoped_identifier"]):
        if rule.refuses(node):
            yield node.start_byte, RULE, _uncalled(node)
    for node in kinds["token_tree"]:
        yield from ((name.start_byte, RULE, _uncalled(name)) for name in rule.in_macro(node))
    for node in kinds["type_cast_expression"]:
        if rule.refuses_cast(node):
            shown = " ".join(syntax.text_of(node).split())[:60]
            yield node.start_byte, RULE, f"`{shown}` may tell the address of a function"


def _uncalled(node: Node) -> str:
    shown = "".join(syntax.text_of(node).split())[:60]
    return f"`{shown}` is a function here: call it, or pass a closure (its address differs)"


def _operand(cast: Node) -> Node | None:
    node = cast.child_by_field_name("value")
    while node is not None and node.type in (*_WRAPS, "block"):
        inner = [child for child in node.named_children if "comment" not in child.type]
        node = inner[0] if inner else None
    return node


class _Names:
    """The names of this file that stand for functions, or for modules that hold some."""

    def __init__(self, tree: SourceTree, imported: tuple[Import, ...], crates: frozenset[str]):
        self._scopes = Scopes(tree)
        functions = tree.kinds["function_item"]
        self.methods = {_name(node) for node in functions}
        self.functions = {_name(node) for node in functions if not self._is_method(node)}
        variants, types = tree.kinds["enum_variant"], tree.kinds["struct_item"]
        builders = {_name(node) for node in (*variants, *types) if _is_tuple(node)}
        self.units = {_name(node) for node in variants} - builders
        self.others = builders | _BUILDERS
        self._crates = crates
        self.modules = set(crates)
        for item in imported:
            if item.name is not None and not item.glob:
                self._learn(item.name, item.segments, builders)
        self.open = any(item.glob and item.segments[:1] == ("crate",) for item in imported)

    def _learn(self, name: str, segments: tuple[str, ...], builders: set[str]) -> None:
        ours = segments[:2] == ("crate", "genes")
        foreign = not self._crates.isdisjoint(segments[:1])
        if ours or foreign:
            self.modules.add(name)
        if _is_lower(segments[-1:]):
            inside = len(segments) > (3 if ours else 1)
            (self.functions if (ours or foreign) and inside else self.others).add(name)
        elif segments[-1:] and segments[-1] in builders:
            self.others.add(name)

    def refuses(self, node: Node) -> bool:
        """Is this name or path a function that is not called here?"""
        parent = self._scopes.parent(node)
        if parent is None or parent.type == "token_tree":
            return False
        if self._scopes.is_declared_or_matched(node):
            return False
        whole = self._unwrapped(node)
        above = self._scopes.parent(whole)
        called = above is not None and above.type == "call_expression"
        if above is None or (called and above.child_by_field_name("function") == whole):
            return False
        passed = above.type == "arguments"
        segments = tuple(token.text for token in syntax.tokens(node) if token.named)
        if node.type == "scoped_identifier":
            likely = _is_lower(segments[-1:]) or segments[-1] in (self.methods | self.others)
            return likely and not (passed and not self._is_own(segments))
        if self._scopes.is_bound(node, segments[0]):
            return False
        return not (passed and segments[0] in self.others - self.functions)

    def may_be(self, name: str) -> bool:
        return name in self.functions or name in self.others or (self.open and _is_lower((name,)))

    def is_chosen(self, closure: Node) -> bool:
        """Is a closure an element of an array, or what a branch results in?"""
        node = self._unwrapped(closure)
        parent = self._scopes.parent(node)
        above = self._scopes.parent(parent) if parent is not None else None
        if parent is not None and above is not None and parent.type == "block":
            return parent.named_children[-1] == node and above.type in _BRANCHES
        return parent is not None and parent.type in _CHOICES

    def _unwrapped(self, node: Node) -> Node:
        while (parent := self._scopes.parent(node)) is not None and parent.type in _WRAPS:
            node = parent
        return node

    def _is_method(self, function: Node) -> bool:
        block = self._scopes.parent(function)
        return block is not None and block.type == "declaration_list"

    def refuses_cast(self, cast: Node) -> bool:
        """A constant, a variable or a plain variant may be cast; what builds a value may not."""
        node = _operand(cast)
        if node is None or node.type not in ("identifier", "scoped_identifier"):
            return False
        name = [t.text for t in syntax.tokens(node) if t.named][-1]
        if node.type == "identifier" and self._scopes.is_bound(node, name):
            return False
        if name in self.functions | self.others:
            return True
        return name[:1].isupper() and name.upper() != name and name not in self.units

    def _is_own(self, segments: tuple[str, ...]) -> bool:
        """Is it a function of a gene file by its path, not a method of a type?"""
        inside = segments[0] in ("crate", "self") or segments[0] in self.modules
        return inside and _is_lower(segments[-2:-1])

    def in_macro(self, tree: Node) -> Iterator[Node]:
        """The same inside a macro, where there are only tokens."""
        tokens = tree.children
        arguments = tokens[0].type == "(" and self._is_after_name(tree)
        for at, node in enumerate(tokens):
            if node.type != "identifier" or _goes_on(tokens, at):
                continue
            name, before = syntax.plain(syntax.text_of(node)), tokens[at - 1].type
            if before == "::":
                passed = arguments
                likely = _is_lower((name,)) or name in self.methods or name in self.others
            else:
                passed = arguments and name in self.others - self.functions
                likely = before not in (".", "let", "mut", "'") and self.may_be(name)
                likely = likely and (name in self.functions or name in self.others)
            if likely and not passed and (before == "::" or not self._scopes.is_bound(node, name)):
                yield node

    def _is_after_name(self, tree: Node) -> bool:
        around = self._scopes.parent(tree)
        before = tree.prev_sibling if around is not None else None
        return before is not None and before.type in ("identifier", ">")


def _goes_on(tokens: list[Node], at: int) -> bool:
    """Is the name called, the beginning of a path, or the name of a field?"""
    after = at + 1
    if after + 1 < len(tokens) and (tokens[after].type, tokens[after + 1].type) == ("::", "<"):
        depth = 0
        for after in range(at + 2, len(tokens)):
            text = tokens[after].type
            depth += {"<": 1, ">": -1, "<<": 2, ">>": -2}.get(text, 0)
            if depth <= 0:
                break
        after += 1
    if after >= len(tokens):
        return False
    following = tokens[after]
    opens = following.type == "token_tree" and following.children[0].type == "("
    return opens or following.type in ("::", ":", "!")


def _is_tuple(node: Node) -> bool:
    body = node.child_by_field_name("body")
    return body is not None and body.type == "ordered_field_declaration_list"


def _is_lower(last: tuple[str, ...]) -> bool:
    return bool(last) and (last[0][:1].islower() or last[0][:1] == "_")


def _name(node: Node) -> str:
    name = node.child_by_field_name("name")
    return syntax.plain(syntax.text_of(name)) if name is not None else ""
