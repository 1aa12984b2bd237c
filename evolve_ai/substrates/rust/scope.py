"""Answers whether a name stands for a variable at a place of a file."""

from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.syntax import SourceTree

_PATHS = frozenset(
    {
        "scoped_identifier",
        "scoped_type_identifier",
        "use_declaration",
        "use_list",
        "scoped_use_list",
        "use_as_clause",
        "use_wildcard",
        "macro_invocation",
        "attribute",
        "label",
        "closure_parameters",
        "visibility_modifier",
    }
)


class Scopes:
    """What is around the nodes of a file; each question takes little time."""

    def __init__(self, tree: SourceTree):
        self.parent = tree.parent
        self._variables: dict[int, dict[str, int]] = {}

    def is_declared_or_matched(self, node: Node) -> bool:
        """Is the name declared here, a part of a path, or in a pattern, so that it is no value?"""
        parent = self.parent(node)
        if parent is None or parent.type in _PATHS:
            return True
        if any(parent.child_by_field_name(field) == node for field in ("pattern", "name")):
            return parent.type != "field_expression"
        return parent.type.endswith("_pattern") and parent.child_by_field_name("condition") != node

    def is_bound(self, node: Node, name: str) -> bool:
        """Does a variable of that name hide the function of that name here?"""
        child, scope = node, self.parent(node)
        while scope is not None:
            if scope.type in ("block", "let_chain"):
                if self._names(scope).get(name, child.start_byte) < child.start_byte:
                    return True
            elif _in_force(scope, child) and name in self._names(scope):
                return True
            if scope.type == "function_item":
                return False  # it sees no variables of the function around it
            child, scope = scope, self.parent(scope)
        return False

    def _names(self, scope: Node) -> dict[str, int]:
        """The variables that a scope declares, with the byte where each is first declared."""
        names = self._variables.get(scope.id)
        if names is None:
            names = self._variables[scope.id] = {}
            for start, pattern in _patterns(scope):
                for name in _bound(pattern):
                    names.setdefault(name, start)
        return names


def _in_force(scope: Node, child: Node) -> bool:
    """Are the variables of a scope known in this part of it?"""
    if scope.type in ("function_item", "closure_expression", "match_arm"):
        return True
    if scope.type == "for_expression":
        return child == scope.child_by_field_name("body")
    if scope.type == "match_pattern":
        return child == scope.child_by_field_name("condition")
    if scope.type in ("if_expression", "while_expression"):
        body = scope.child_by_field_name("consequence") or scope.child_by_field_name("body")
        return child == body
    return False


def _patterns(scope: Node) -> Iterator[tuple[int, Node | None]]:
    """The patterns in which a scope declares variables, with the byte from which on."""
    if scope.type in ("function_item", "closure_expression"):
        parameters = scope.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters is not None else []:
            is_typed = parameter.type == "parameter"
            yield 0, parameter.child_by_field_name("pattern") if is_typed else parameter
    elif scope.type == "for_expression":
        yield 0, scope.child_by_field_name("pattern")
    elif scope.type == "match_arm":
        pattern = scope.child_by_field_name("pattern")
        yield 0, pattern.child(0) if pattern is not None else None
    elif scope.type == "match_pattern":
        yield 0, scope.child(0)
    elif scope.type == "block":
        for node in scope.children:
            if node.type == "let_declaration":
                yield node.start_byte, node.child_by_field_name("pattern")
    elif scope.type == "let_chain":
        for part in scope.children:
            yield from ((part.start_byte, pattern) for pattern in _of_condition(part))
    else:
        condition = scope.child_by_field_name("condition")
        yield from ((0, pattern) for pattern in _of_condition(condition))


def _of_condition(condition: Node | None) -> Iterator[Node | None]:
    parts = [condition] if condition is not None else []
    while parts:
        part = parts.pop()
        if part.type == "let_condition":
            yield part.child_by_field_name("pattern")
        elif part.type == "let_chain":
            parts.extend(part.named_children)


def _bound(pattern: Node | None) -> set[str]:
    """Names that a pattern gives to variables."""
    found: set[str] = set()
    stack = [pattern] if pattern is not None else []
    while stack:
        node = stack.pop()
        if node.type in ("identifier", "shorthand_field_identifier"):
            found.add(syntax.plain(syntax.text_of(node)))
        elif node.type not in ("scoped_identifier", "const_block", "macro_invocation"):
            builder = node.child_by_field_name("type")
            stack.extend(child for child in node.named_children if child != builder)
    return found
