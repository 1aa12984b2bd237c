"""Owns what may reach a terminal: what somebody else wrote is shown, and never obeyed."""

import unicodedata
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text


def plain(written: str) -> str:
    """What a terminal would obey or hide, made visible (ESC as \\x1b); lines and tabs stay.

    Obeyed are the control characters C0 and C1 (ECMA-48), and with them every escape sequence;
    hidden are formats, such as those that turn the direction of writing (Unicode TR 36, 3.1).
    """
    if written.isprintable():
        return written
    return "".join(char if _harmless(char) else _named(char) for char in written)


def one_line(written: str) -> str:
    """`plain`, on one line: for what must not pass for lines of ours."""
    return plain(written).replace("\n", r"\n").replace("\t", r"\t")


def _harmless(char: str) -> bool:
    return char.isprintable() or char in "\n\t" or unicodedata.category(char) == "Zs"


def _named(char: str) -> str:
    return char.encode("unicode_escape").decode()


class Terminal(Console):
    """A console for text of any origin: nothing in it is markup, and nothing is obeyed."""

    def __init__(self, file: TextIO | None = None, **how: Any):
        super().__init__(file=file, markup=False, emoji=False, highlight=False, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(plain(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Texts are made plain before they are broken into lines, so that they fit."""
        if isinstance(renderable, Text):
            renderable = _plain(renderable)
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=plain(segment.text))


def _plain(text: Text) -> Text:
    shown = plain(text.plain)
    if shown == text.plain:
        return text
    return Text(
        shown, text.style, justify=text.justify, overflow=text.overflow, no_wrap=text.no_wrap,
        end=text.end, tab_size=text.tab_size,
    )  # fmt: skip
