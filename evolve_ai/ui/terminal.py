"""A rich console for text of any origin; ui/plain.py says what may reach a terminal."""

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from evolve_ai.ui.plain import plain

UNBOUNDED = 100_000  # columns: without a terminal nothing is cut or wrapped


class Terminal(Console):
    """A console for text of any origin: it interprets neither markup nor control characters."""

    def __init__(self, file: TextIO | None = None, **how: Any):
        super().__init__(file=file, markup=False, emoji=False, highlight=False, **how)
        if not self.is_terminal and "width" not in how:
            self.width = UNBOUNDED

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(plain(text), **how)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Make texts plain before they are wrapped, so that their lines fit."""
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
