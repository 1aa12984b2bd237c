"""Rust as a language: its files, comments, grammar and toolchain."""

from collections.abc import Sequence
from pathlib import Path

from tree_sitter import Language as Grammar

from evolve_ai.contracts.language import Check
from evolve_ai.model.comments import Comments
from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.checks import checks
from evolve_ai.substrates.rust.toolchain import HOW, Toolchain, find_toolchain, toolchain_line


class RustLanguage:
    """Rust, as rustup or a distribution installs it. Satisfies contracts.language.Language."""

    name = "rust"
    suffixes: tuple[str, ...] = (".rs",)
    comments = Comments("//", ("/*", "*/"))
    hints = HOW

    def __init__(self, home: Path | None = None):
        """`home` is the project: rustup goes by the folder."""
        self._home = home or Path.cwd()
        self._tools: Toolchain | None = None
        self._toolchain: str | None = None

    def grammar(self) -> Grammar | None:
        return syntax.GRAMMAR

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
