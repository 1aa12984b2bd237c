"""Rust as a language: its files, comments, grammar and toolchain."""

from collections.abc import Sequence
from pathlib import Path

from tree_sitter import Language as Grammar

from evolve_ai.contracts.language import Check
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import Counting, Syntax
from evolve_ai.substrates.rust.checks import checks
from evolve_ai.substrates.rust.syntax import GRAMMAR
from evolve_ai.substrates.rust.toolchain import HOW, Toolchain, find_toolchain, toolchain_line

COUNTING = Counting(
    r"for\s+(?P<name>\w+)\s+in\s+\(?(?P<first>[^.(]+?)\.\.(?P<last>[^=].*?)"
    r"(?:\)\.step_by\((?P<step>.+?)\))?",
    "for {name} in ({first}..{last}).step_by({step})",
    least="({one}).min({other})",
    declare="let mut {name} = {value};",
)
SYNTAX = Syntax(
    blocks=frozenset({"block"}),
    statements=frozenset({"expression_statement", "let_declaration", "macro_invocation"}),
    loops=frozenset({"for_expression", "while_expression"}),
    conditions=frozenset({"if_expression", "while_expression"}),
    operations=frozenset({"binary_expression", "compound_assignment_expr"}),
    expressions=frozenset(
        {
            "binary_expression",
            "call_expression",
            "field_expression",
            "float_literal",
            "index_expression",
            "integer_literal",
            "parenthesized_expression",
            "type_cast_expression",
            "unary_expression",
        }
    ),
    numbers=frozenset({"integer_literal", "float_literal"}),
    negations=frozenset({"unary_expression", "negative_literal"}),
    booleans=frozenset({"boolean_literal"}),
    counting=COUNTING,
    functions=frozenset({"function_item"}),
    scopes=frozenset({"impl_item", "trait_item", "mod_item"}),
    names=frozenset(
        {
            "identifier",
            "type_identifier",
            "field_identifier",
            "shorthand_field_identifier",
            "primitive_type",
        }
    ),
    literals=frozenset(
        {
            "string_literal",
            "raw_string_literal",
            "char_literal",
            "integer_literal",
            "float_literal",
            "lifetime",
        }
    ),
    comments=frozenset({"line_comment", "block_comment"}),
)


class RustLanguage:
    """Rust, as rustup or a distribution installs it. Satisfies contracts.language.Language."""

    name = "rust"
    suffixes: tuple[str, ...] = (".rs",)
    comments = Comments("//", ("/*", "*/"))
    hints = HOW
    syntax = SYNTAX

    def __init__(self, home: Path | None = None):
        """`home` is the project: rustup goes by the folder."""
        self._home = home or Path.cwd()
        self._tools: Toolchain | None = None
        self._toolchain: str | None = None

    def grammar(self) -> Grammar | None:
        return GRAMMAR

    def checks(self) -> Sequence[Check]:
        return checks(self._home)

    def toolchain(self) -> str:
        if self._toolchain is None:
            self._toolchain = toolchain_line(self._found())
        return self._toolchain

    def _found(self) -> Toolchain:
        """Looked for once: what compiles is what the fingerprints speak of."""
        if self._tools is None:
            self._tools = find_toolchain(self._home)
        return self._tools
