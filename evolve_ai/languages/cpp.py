"""C++ as a language, compiled by g++ or clang++."""

from dataclasses import replace

from tree_sitter import Language as Grammar

from evolve_ai.languages import c
from evolve_ai.languages.tools import Compiled, grammar_of
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import THREE_PARTS, THREE_PARTS_TEXT, Counting

SYNTAX = replace(
    c.SYNTAX,
    statements=c.STATEMENTS | {"for_range_loop", "throw_statement", "try_statement"},
    loops=c.SYNTAX.loops | {"for_range_loop"},
    truths=("true", "false"),
    booleans=frozenset({"true", "false"}),
    scopes=frozenset({"class_specifier", "struct_specifier", "namespace_definition"}),
    names=c.SYNTAX.names | {"namespace_identifier"},
    counting=Counting(THREE_PARTS, THREE_PARTS_TEXT, declare="auto {name} = {value};"),
    literals=c.SYNTAX.literals | {"raw_string_literal"},
)


class CppLanguage(Compiled):
    """Satisfies contracts.language.Language."""

    name = "cpp"
    suffixes: tuple[str, ...] = (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx")
    comments = Comments("//", ("/*", "*/"))
    hints = "install g++ or clang++"
    syntax = SYNTAX
    programs = ("c++", "g++", "clang++")

    def grammar(self) -> Grammar | None:
        return grammar_of("tree_sitter_cpp")
