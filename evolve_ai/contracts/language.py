"""The contract of a language: what can be known of program text without running it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tree_sitter import Language as Grammar

from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import Syntax

# (its name, what tells how it is, or raises EvolveError)
Check = tuple[str, Callable[[], str]]


class Language(Protocol):
    """The lower half of a substrate. Whatever has programs that can live is a substrate, too."""

    # Lower-case; what settings and reports call it.
    name: str

    # Of its files, each with its dot; the usual one first.
    suffixes: tuple[str, ...]

    # How a comment begins and ends.
    comments: Comments

    # Which nodes of its grammar are statements, loops, operators …; empty: it is not edited.
    syntax: Syntax

    # How to get its toolchain, in a sentence that says what to do.
    hints: str

    # What tree-sitter reads its files by; None where there is no grammar.
    def grammar(self) -> Grammar | None: ...

    # What `evolve doctor` looks at: the tools that must be there.
    def checks(self) -> Sequence[Check]: ...

    # The toolchain's version, one line; ToolchainError when there is none.
    def toolchain(self) -> str: ...
