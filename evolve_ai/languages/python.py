"""Python as a language: the interpreter that evolve runs in."""

import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from tree_sitter import Language as Grammar

from evolve_ai.contracts.language import Check
from evolve_ai.languages.tools import grammar_of
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import ARITHMETIC, COMPARISONS, Counting, Syntax

COUNTING = Counting(
    r"for\s+(?P<name>\w+)\s+in\s+range\(\s*(?:(?P<first>[^,]+?)\s*,\s*)?(?P<last>[^,]+?)\s*"
    r"(?:,\s*(?P<step>[^,]+?)\s*)?\)\s*:",
    "for {name} in range({first}, {last}, {step}):",
    least="({one} if {one} < {other} else {other})",
    begin="",
    end="",
    declare="{name} = {value}",
    assign="{name} = {value}",
    declared=r"(?P<name>\w+)\s*=(?!=)",
)
SYNTAX = Syntax(
    blocks=frozenset({"module", "block"}),
    statements=frozenset(
        {
            "assert_statement",
            "break_statement",
            "continue_statement",
            "delete_statement",
            "expression_statement",
            "for_statement",
            "if_statement",
            "match_statement",
            "pass_statement",
            "raise_statement",
            "return_statement",
            "try_statement",
            "while_statement",
            "with_statement",
        }
    ),
    filler="pass",
    loops=frozenset({"for_statement", "while_statement"}),
    conditions=frozenset({"if_statement", "elif_clause", "while_statement"}),
    negation=("not (", ")"),
    truths=("True", "False"),
    operations=frozenset(
        {"binary_operator", "boolean_operator", "comparison_operator", "augmented_assignment"}
    ),
    comparisons=(*COMPARISONS, ("in", "not in"), ("is", "is not")),
    arithmetic=(
        ("+", "-", "*", "/", "//", "%", "**"),
        *ARITHMETIC[1:3],
        ("+=", "-=", "*=", "/=", "//=", "%=", "**="),
        *ARITHMETIC[4:6],
    ),
    logical=(("and", "or"),),
    expressions=frozenset(
        {
            "attribute",
            "binary_operator",
            "boolean_operator",
            "call",
            "comparison_operator",
            "conditional_expression",
            "float",
            "integer",
            "not_operator",
            "parenthesized_expression",
            "subscript",
            "unary_operator",
        }
    ),
    numbers=frozenset({"integer", "float"}),
    negations=frozenset({"unary_operator"}),
    booleans=frozenset({"true", "false"}),
    counting=COUNTING,
    functions=frozenset({"function_definition"}),
    scopes=frozenset({"class_definition"}),
    names=frozenset({"identifier"}),
    literals=frozenset({"string", "integer", "float"}),
)


class PythonLanguage:
    """Satisfies contracts.language.Language."""

    name = "python"
    suffixes: tuple[str, ...] = (".py",)
    comments = Comments("#")
    hints = "it comes with evolve; evaluate.interpreter in task.toml names another one"
    syntax = SYNTAX

    def __init__(self, home: Path | None = None): ...

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_python")

    def checks(self) -> Sequence[Check]:
        return [("python", self.toolchain)]

    def toolchain(self) -> str:
        return f"python {platform.python_version()} {sys.implementation.cache_tag}"
