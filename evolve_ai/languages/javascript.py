"""JavaScript as a language, run by Node.js."""

from tree_sitter import Language as Grammar

from evolve_ai.languages.node import Node, hints_for
from evolve_ai.languages.tools import grammar_of
from evolve_ai.model.syntax import ARITHMETIC, THREE_PARTS, THREE_PARTS_TEXT, Counting, Syntax

SYNTAX = Syntax(
    blocks=frozenset({"program", "statement_block", "switch_case", "switch_default"}),
    statements=frozenset(
        {
            "break_statement",
            "continue_statement",
            "do_statement",
            "expression_statement",
            "for_in_statement",
            "for_statement",
            "if_statement",
            "lexical_declaration",
            "return_statement",
            "switch_statement",
            "throw_statement",
            "try_statement",
            "variable_declaration",
            "while_statement",
        }
    ),
    loops=frozenset({"for_statement", "for_in_statement", "while_statement"}),
    conditions=frozenset({"if_statement", "while_statement", "do_statement", "ternary_expression"}),
    operations=frozenset(
        {"binary_expression", "augmented_assignment_expression", "update_expression"}
    ),
    comparisons=(("<", "<=", ">", ">=", "===", "!==", "==", "!="),),
    arithmetic=(
        ("+", "-", "*", "/", "%", "**"),
        ("&", "|", "^"),
        ("<<", ">>", ">>>"),
        *ARITHMETIC[3:],
    ),
    logical=(("&&", "||", "??"),),
    expressions=frozenset(
        {
            "binary_expression",
            "call_expression",
            "member_expression",
            "number",
            "parenthesized_expression",
            "subscript_expression",
            "ternary_expression",
            "unary_expression",
        }
    ),
    numbers=frozenset({"number"}),
    negations=frozenset({"unary_expression"}),
    booleans=frozenset({"true", "false"}),
    counting=Counting(THREE_PARTS, THREE_PARTS_TEXT),
    functions=frozenset(
        {"function_declaration", "generator_function_declaration", "method_definition"}
    ),
    scopes=frozenset({"class_declaration"}),
    names=frozenset(
        {
            "identifier",
            "property_identifier",
            "private_property_identifier",
            "shorthand_property_identifier",
            "statement_identifier",
        }
    ),
    literals=frozenset({"string", "template_string", "regex", "number"}),
)


class JavaScriptLanguage(Node):
    """Satisfies contracts.language.Language."""

    name = "javascript"
    suffixes: tuple[str, ...] = (".js", ".mjs", ".cjs")
    syntax = SYNTAX
    least = (18, 0)
    hints = hints_for(least)

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_javascript")
