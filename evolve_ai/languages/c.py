"""C as a language, compiled by gcc or clang."""

from tree_sitter import Language as Grammar

from evolve_ai.languages.tools import Compiled, grammar_of
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import THREE_PARTS, THREE_PARTS_TEXT, Counting, Syntax

STATEMENTS = frozenset(
    {
        "break_statement",
        "continue_statement",
        "declaration",
        "do_statement",
        "expression_statement",
        "for_statement",
        "if_statement",
        "return_statement",
        "switch_statement",
        "while_statement",
    }
)
EXPRESSIONS = frozenset(
    {
        "binary_expression",
        "call_expression",
        "cast_expression",
        "conditional_expression",
        "field_expression",
        "number_literal",
        "parenthesized_expression",
        "pointer_expression",
        "subscript_expression",
        "unary_expression",
    }
)
SYNTAX = Syntax(
    blocks=frozenset({"compound_statement", "case_statement"}),
    statements=STATEMENTS,
    loops=frozenset({"for_statement", "while_statement"}),
    conditions=frozenset(
        {"if_statement", "while_statement", "do_statement", "conditional_expression"}
    ),
    truths=("1", "0"),
    operations=frozenset({"binary_expression", "assignment_expression", "update_expression"}),
    expressions=EXPRESSIONS,
    numbers=frozenset({"number_literal"}),
    negations=frozenset({"unary_expression"}),
    functions=frozenset({"function_definition"}),
    names=frozenset({"identifier", "field_identifier", "type_identifier"}),
    counting=Counting(
        THREE_PARTS, THREE_PARTS_TEXT, declare="__typeof__({value}) {name} = {value};"
    ),
    literals=frozenset(
        {"string_literal", "char_literal", "number_literal", "system_lib_string", "preproc_arg"}
    ),
)


class CLanguage(Compiled):
    """Satisfies contracts.language.Language."""

    name = "c"
    suffixes: tuple[str, ...] = (".c", ".h")
    comments = Comments("//", ("/*", "*/"))
    hints = "install gcc or clang"
    syntax = SYNTAX
    programs = ("cc", "gcc", "clang")

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_c")
