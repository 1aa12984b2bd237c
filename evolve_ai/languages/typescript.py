"""TypeScript as a language, run by a Node.js that strips types."""

from dataclasses import replace

from tree_sitter import Language as Grammar

from evolve_ai.languages import javascript
from evolve_ai.languages.node import Node, hints_for
from evolve_ai.languages.tools import grammar_of

SYNTAX = replace(
    javascript.SYNTAX,
    names=javascript.SYNTAX.names | {"type_identifier"},
    expressions=javascript.SYNTAX.expressions | {"as_expression", "non_null_expression"},
)


class TypeScriptLanguage(Node):
    """Satisfies contracts.language.Language."""

    name = "typescript"
    suffixes: tuple[str, ...] = (".ts", ".mts", ".cts")
    syntax = SYNTAX
    least = (22, 18)  # the first that runs .ts files without a flag
    hints = hints_for(least)

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_typescript", "language_typescript")
