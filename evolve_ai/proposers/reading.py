"""Reads a program once: the places where it can be changed."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from tree_sitter import Node, Tree

from evolve_ai.contracts.language import Language
from evolve_ai.model.blocks import BlockError, Region, regions
from evolve_ai.model.syntax import Groups, Syntax
from evolve_ai.system.recent import Recent
from evolve_ai.system.syntax_trees import SyntaxTrees

KEPT = 512 * 1024  # bytes of text; readings have thirty times as many
COMPARISON, ARITHMETIC, LOGICAL = "comparison", "arithmetic", "logical"
Action = Callable[[Node, Node], None]  # of a node and its parent
_CALLS = (b"(", b"!")  # what follows a name that is called
LanguageOf = Callable[[str], Language | None]  # by the path of a file


class Place(NamedTuple):
    """Bytes of a program. `kind` is that of the node, or what an operator token says."""

    start: int
    end: int
    kind: str
    around: int = -1  # of a statement its block, of a name its function, of a loop the next outer
    stop: int = -1  # of a loop: where its body ends


@dataclass(slots=True)
class Reading:
    """Places by what can be done there, each list in the order of the text.

    `found` are all, `mine` those that may be changed.
    """

    language: Language
    data: bytes
    tree: Tree
    editable: tuple[Region, ...]
    found: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    mine: dict[str, list[Place]] = field(default_factory=dict)
    functions: dict[str, Place] = field(default_factory=dict)
    _names: dict[tuple[str, int | None], tuple[bytes, ...]] = field(default_factory=dict)
    _called: frozenset[bytes] | None = None

    @property
    def syntax(self) -> Syntax:
        return self.language.syntax

    def text(self, place: Place | tuple[int, int]) -> bytes:
        return self.data[place[0] : place[1]]

    def may_change(self, start: int, end: int) -> bool:
        return any(first <= start and end <= last for first, last in self.editable)

    def of_kind(self, role: str, kind: str) -> list[Place]:
        return [place for place in self.found.get(role, ()) if place.kind == kind]

    def names(self, kind: str, around: int | None) -> tuple[bytes, ...]:
        """The different names of this kind, sorted: of one function, or of the file (None)."""
        found = self._names.get((kind, around))
        if found is None:
            places = [one for one in self.of_kind(NAME, kind) if around in (None, one.around)]
            found = self._names[kind, around] = tuple(sorted({self.text(one) for one in places}))
        return found

    def called(self) -> frozenset[bytes]:
        """The names that are called somewhere."""
        if self._called is None:
            places = [one for one in self.found[NAME] if self.data[one.end : one.end + 1] in _CALLS]
            self._called = frozenset(map(self.text, places))
        return self._called


STATEMENT, HEADER, CONDITION = "statement", "header", "condition"
NUMBER, BOOLEAN, JUMP, EXPRESSION, NAME = "number", "boolean", "jump", "expression", "name"
COMMENT = "comment"


class Readings:
    """Reads the files of programs, and keeps the latest readings. For one thread."""

    def __init__(self, languages: LanguageOf, blocks: bool, trees: SyntaxTrees | None = None):
        self._languages = languages
        self._blocks = blocks
        self.trees = trees or SyntaxTrees()
        self._kept: Recent[Reading] = Recent(KEPT)

    def of(self, path: str, data: bytes) -> Reading | None:
        """None where the language of this file is not known, or has no grammar."""
        language = self._languages(path)
        if language is None or not language.syntax.blocks:
            return None
        return self.read(language, data)

    def read(self, language: Language, data: bytes) -> Reading | None:
        kept = self._kept.get(language.name, data)
        if kept is not None:
            return kept
        tree = self.trees.tree(language, data)
        if tree is None:
            return None
        return self._kept.keep(language.name, data, self.read_tree(language, data, tree))

    def read_tree(self, language: Language, data: bytes, tree: Tree) -> Reading:
        """Of a tree that is no matter of this room's memory."""
        try:
            editable = regions(data, self._blocks)
        except BlockError:
            editable = ()
        reading = Reading(language, data, tree, editable)
        _Walk(reading).run()
        if editable == ((0, len(data)),):
            reading.mine = dict(reading.found)
            return reading
        for role, places in reading.found.items():
            reading.mine[role] = [one for one in places if reading.may_change(one.start, one.end)]
        return reading


class _Walk:
    """One pass over all nodes, parents first. Written for speed: it is done for every parent."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self._found = reading.found
        self._outer: list[tuple[int, int]] = []  # loops around: (number, end)
        self._in: list[tuple[int, int]] = []  # functions around: (number, end)
        self._scopes: list[tuple[str, int]] = []  # names around: (name, end)

    def run(self) -> None:
        named, tokens = self._actions(), self._token_actions()
        leaves = self._reading.syntax.literals | self._reading.syntax.comments
        cursor = self._reading.tree.root_node.walk()
        down, along, up = cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
        above: list[Node] = []
        parent = self._reading.tree.root_node
        while (node := cursor.node) is not None:
            kind = node.type
            if kind in named and node.is_named:
                for action in named[kind]:
                    action(node, parent)
            elif kind in tokens and not node.is_named:
                tokens[kind](node, parent)
            if down():
                if kind in leaves:
                    up()
                else:
                    above.append(parent)
                    parent = node
                    continue
            while not along():
                if not up():
                    return
                parent = above.pop()

    def _actions(self) -> dict[str, list[Action]]:
        syntax = self._reading.syntax
        found: dict[str, list[Action]] = defaultdict(list)
        for kinds, action in (
            (syntax.scopes, self._scope),
            (syntax.functions, self._function),
            (syntax.statements, self._statement),
            (syntax.loops, self._loop),
            (syntax.conditions, self._condition),
            (syntax.expressions, self._plain(EXPRESSION)),
            (syntax.numbers, self._number),
            (syntax.booleans, self._plain(BOOLEAN)),
            (syntax.comments, self._plain(COMMENT)),
            (syntax.names, self._name),
        ):
            for kind in kinds:
                found[kind].append(action)
        return dict(found)

    def _token_actions(self) -> dict[str, Action]:
        syntax = self._reading.syntax
        found = {token: self._plain(JUMP) for token in syntax.jumps}
        for role, groups in (
            (COMPARISON, syntax.comparisons),
            (ARITHMETIC, syntax.arithmetic),
            (LOGICAL, syntax.logical),
        ):
            found |= {token: self._operator(role) for group in groups for token in group}
        return found

    def _plain(self, role: str) -> Action:
        places = self._found[role]
        return lambda node, _: places.append(Place(node.start_byte, node.end_byte, node.type))

    def _operator(self, role: str) -> Action:
        places, among = self._found[role], self._reading.syntax.operations

        def act(node: Node, parent: Node) -> None:
            if parent.type in among:
                places.append(Place(node.start_byte, node.end_byte, node.type))

        return act

    def _statement(self, node: Node, parent: Node) -> None:
        if parent.type not in self._reading.syntax.blocks:
            return
        first = node.child(0)
        is_remark = (  # a docstring, "use strict"
            first is not None
            and first.type in self._reading.syntax.literals
            and first.start_byte == node.start_byte
        )
        if not is_remark:
            self._found[STATEMENT].append(
                Place(node.start_byte, node.end_byte, node.type, parent.id)
            )

    def _loop(self, node: Node, _: Node) -> None:
        body = node.child_by_field_name("body")
        if body is None:
            return
        comments = self._reading.syntax.comments
        before = [c for c in node.children if c.end_byte <= body.start_byte]
        before = [c for c in before if c.type not in comments]
        if not before:
            return
        around = _inner(self._outer, node.start_byte)
        self._outer.append((len(self._found[HEADER]), node.end_byte))
        self._found[HEADER].append(
            Place(node.start_byte, before[-1].end_byte, node.type, around, node.end_byte)
        )

    def _condition(self, node: Node, _: Node) -> None:
        inner = node.child_by_field_name("condition")
        if inner is None:
            return
        start, end = inner.start_byte, inner.end_byte
        children = inner.children
        if len(children) > 2 and children[0].type == "(" and children[-1].type == ")":
            start, end = children[0].end_byte, children[-1].start_byte
        self._found[CONDITION].append(Place(start, end, node.type))

    def _number(self, node: Node, parent: Node) -> None:
        start = node.start_byte
        if (
            parent.type in self._reading.syntax.negations
            and parent.child_count == 2
            and parent.children[0].type == "-"
        ):
            start = parent.start_byte
        self._found[NUMBER].append(Place(start, node.end_byte, node.type))

    def _name(self, node: Node, parent: Node) -> None:
        if parent.type in self._reading.syntax.functions:  # its own name: others call it by that
            return
        around = _inner(self._in, node.start_byte)
        self._found[NAME].append(Place(node.start_byte, node.end_byte, node.type, around))

    def _function(self, node: Node, parent: Node) -> None:
        functions = self._reading.functions
        self._in.append((len(functions), node.end_byte))
        self._scope(node, parent)
        path = ".".join(name for name, _ in self._scopes)
        while path in functions:
            path += "'"  # an overload
        functions[path] = Place(node.start_byte, node.end_byte, node.type)

    def _scope(self, node: Node, _: Node) -> None:
        while self._scopes and self._scopes[-1][1] <= node.start_byte:
            self._scopes.pop()
        self._scopes.append((_name_of(node), node.end_byte))


def _inner(around: list[tuple[int, int]], at: int) -> int:
    """The number of the innermost one that this byte is in; -1: none."""
    while around and around[-1][1] <= at:
        around.pop()
    return around[-1][0] if around else -1


def _name_of(node: Node) -> str:
    """A function of C has its name in a declarator, in others."""
    found: Node | None = node
    while found is not None:
        named = found.child_by_field_name("name") or found.child_by_field_name("type")
        declared = found.child_by_field_name("declarator")
        if declared is None:
            inner = named if found is node or found.child_count else found
            return (inner.text or b"").decode("utf-8", "replace") if inner is not None else ""
        found = declared
    return ""


def group_of(groups: Groups, token: str) -> tuple[str, ...]:
    """The other operators that this one may become."""
    found = next(group for group in groups if token in group)
    return tuple(one for one in found if one != token)
