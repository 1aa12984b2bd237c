"""Go as a language, compiled by the tool `go`."""

from tree_sitter import Language as Grammar

from evolve_ai.languages.tools import Compiled, grammar_of
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import ARITHMETIC, Counting, Syntax

COUNTING = Counting(
    r"for\s+(?P<name>\w+)\s*:=\s*(?P<first>[^;{}]+?)\s*;"
    r"\s*(?P=name)\s*<\s*(?P<last>[^;{}=&|][^;{}&|]*?)\s*;"
    r"\s*(?P=name)\s*(?:\+\+|\+=\s*(?P<step>[^;{}]+?))\s*",
    "for {name} := {first}; {name} < {last}; {name} += {step}",
    least="min({one}, {other})",
    declare="{name} := {value}",
    assign="{name} = {value}",
    declared=r"(?P<name>\w+)\s*:=",
)
SYNTAX = Syntax(
    blocks=frozenset({"statement_list", "block", "expression_case", "default_case"}),
    statements=frozenset(
        {
            "assignment_statement",
            "break_statement",
            "continue_statement",
            "dec_statement",
            "expression_statement",
            "expression_switch_statement",
            "for_statement",
            "if_statement",
            "inc_statement",
            "return_statement",
            "short_var_declaration",
            "var_declaration",
        }
    ),
    loops=frozenset({"for_statement"}),
    conditions=frozenset({"if_statement"}),
    operations=frozenset(
        {"binary_expression", "assignment_statement", "inc_statement", "dec_statement"}
    ),
    arithmetic=(*ARITHMETIC[:1], ("&", "|", "^", "&^"), *ARITHMETIC[2:]),
    expressions=frozenset(
        {
            "binary_expression",
            "call_expression",
            "float_literal",
            "index_expression",
            "int_literal",
            "parenthesized_expression",
            "selector_expression",
            "unary_expression",
        }
    ),
    numbers=frozenset({"int_literal", "float_literal"}),
    negations=frozenset({"unary_expression"}),
    booleans=frozenset({"true", "false"}),
    counting=COUNTING,
    functions=frozenset({"function_declaration", "method_declaration"}),
    names=frozenset(
        {"identifier", "field_identifier", "type_identifier", "package_identifier", "label_name"}
    ),
    literals=frozenset(
        {
            "interpreted_string_literal",
            "raw_string_literal",
            "rune_literal",
            "int_literal",
            "float_literal",
            "imaginary_literal",
        }
    ),
)


class GoLanguage(Compiled):
    """Satisfies contracts.language.Language."""

    name = "go"
    suffixes: tuple[str, ...] = (".go",)
    comments = Comments("//", ("/*", "*/"))
    hints = "install Go, and put `go` on the PATH"
    syntax = SYNTAX
    programs = ("go",)
    version_words = ("version",)

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_go")
