"""What search must know of a grammar: the kinds of its nodes, by what they are good for."""

from dataclasses import dataclass

Groups = tuple[tuple[str, ...], ...]

_ORDER = ("<", "<=", ">", ">=", "==", "!=")
_BITS = (("&", "|", "^"), ("<<", ">>"))
COMPARISONS: Groups = (_ORDER,)
ARITHMETIC: Groups = (
    ("+", "-", "*", "/", "%"),
    *_BITS,
    ("+=", "-=", "*=", "/=", "%="),
    ("&=", "|=", "^="),
    ("<<=", ">>="),
    ("++", "--"),
)
LOGICAL: Groups = (("&&", "||"),)


@dataclass(frozen=True, slots=True)
class Counting:
    """How loops that count are written. `header` is a regular expression of all from the first word
    to what is before the body, with the groups name, first, last (not reached), perhaps step and
    kind (of the declaration); `text` writes one. `least` is the smaller of two numbers, `begin` and
    `end` stand around a body of several statements. `declare` and `assign` give a variable a value;
    `declared` is a regular expression of how a statement that declares the variable `name` begins.
    """

    header: str
    text: str
    least: str = "({one} < {other} ? {one} : {other})"
    begin: str = " {"
    end: str = "}"
    declare: str = "let {name} = {value};"
    assign: str = "{name} = {value};"
    declared: str = r"(?:__typeof__\(.*\)\s+|[\w:<>]+[\s*&]+)+(?P<name>\w+)\s*=(?!=)"


_NUMBER = r"(?:(?P=name)\s*\+\+|\+\+\s*(?P=name)|(?P=name)\s*\+=\s*(?P<step>[^;{}]+?))"
THREE_PARTS = (  # for (int i = 0; i < n; i++)
    r"for\s*\(\s*(?P<kind>[\w:]+(?:\s+[\w:]+)*?)\s+(?P<name>\w+)\s*=\s*(?P<first>[^;{}]+?)\s*;"
    r"\s*(?P=name)\s*<\s*(?P<last>[^;{}=&|][^;{}&|]*?)\s*;\s*" + _NUMBER + r"\s*\)"
)
THREE_PARTS_TEXT = "for ({kind} {name} = {first}; {name} < {last}; {name} += {step})"


@dataclass(frozen=True, slots=True)
class Syntax:
    """Kinds of nodes of a tree-sitter grammar. Empty sets: such places are never edited.

    A statement is a node of `statements` directly in one of `blocks`. A loop has its body in the
    field "body", a condition stands in the field "condition" of its node. Operators are tokens
    directly in one of `operations`; each is exchanged for others of its group. `filler` is a
    statement that does nothing, for languages whose blocks may not be empty. `negations` are
    nodes that put a minus before a number. Below `literals` nothing is looked at. `scopes` have
    functions in them, and names of their own (in the field "name" or "type").
    """

    blocks: frozenset[str] = frozenset()
    statements: frozenset[str] = frozenset()
    filler: str = ""
    loops: frozenset[str] = frozenset()
    conditions: frozenset[str] = frozenset()
    negation: tuple[str, str] = ("!(", ")")
    truths: tuple[str, str] = ("true", "false")
    operations: frozenset[str] = frozenset()
    comparisons: Groups = COMPARISONS
    arithmetic: Groups = ARITHMETIC
    logical: Groups = LOGICAL
    expressions: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()
    booleans: frozenset[str] = frozenset()
    counting: Counting | None = None
    jumps: tuple[str, ...] = ("break", "continue")
    functions: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    comments: frozenset[str] = frozenset({"comment"})
