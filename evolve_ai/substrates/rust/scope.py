"""Owns the question whether a name stands for a variable at a place of a file."""

from collections.abc import Iterator

from tree_sitter import Node

from evolve_ai.substrates.rust import syntax

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
    """The nodes of a file with what is around them; each question takes little time."""

    def __init__(self, root: Node):
        self.nodes = [node for node, _ in syntax.walk(root)]
        self._parents = {child.id: node for node in self.nodes for child in node.children}
        self._variables: dict[int, dict[str, int]] = {}

    def parent(self, node: Node) -> Node | None:
        return self._parents.get(node.id)

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
            if scope.type == "block":
                if self._block(scope).get(name, child.start_byte) < child.start_byte:
                    return True
            elif any(name in _bound(pattern) for pattern in _patterns(scope, child)):
                return True
            if scope.type == "function_item":
                return False  # it sees no variables of the function around it
            child, scope = scope, self.parent(scope)
        return False

    def _block(self, block: Node) -> dict[str, int]:
        """Names of a block's variables, with the byte where each is first declared."""
        if block.id not in self._variables:
            names = self._variables[block.id] = {}
            for node in block.children:
                if node.type == "let_declaration":
                    for name in _bound(node.child_by_field_name("pattern")):
                        names.setdefault(name, node.start_byte)
        return self._variables[block.id]


def _patterns(scope: Node, child: Node) -> Iterator[Node | None]:
    """Patterns of a scope that are in force in this child of it."""
    if scope.type in ("function_item", "closure_expression"):
        parameters = scope.child_by_field_name("parameters")
        for parameter in parameters.named_children if parameters is not None else []:
            is_typed = parameter.type == "parameter"
            yield parameter.child_by_field_name("pattern") if is_typed else parameter
    elif scope.type == "for_expression" and child == scope.child_by_field_name("body"):
        yield scope.child_by_field_name("pattern")
    elif scope.type == "match_arm":
        pattern = scope.child_by_field_name("pattern")
        yield pattern.child(0) if pattern is not None else None
    elif scope.type == "match_pattern" and child == scope.child_by_field_name("condition"):
        yield scope.child(0)
    elif scope.type in ("if_expression", "while_expression"):
        body = scope.child_by_field_name("consequence") or scope.child_by_field_name("body")
        if child == body:
            yield from _of_condition(scope.child_by_field_name("condition"))
    elif scope.type == "let_chain":
        for sibling in scope.children:
            if sibling.start_byte >= child.start_byte:
                break
            yield from _of_condition(sibling)


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
