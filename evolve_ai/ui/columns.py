"""Lays text out in columns; fast for thousands of rows.

Rows in a pipe are complete. A narrow terminal loses columns, the least important first.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from evolve_ai.ui.plain import one_line

GAP = "  "


class Shown(str):
    """Text that is safe to print already, with our own colours."""


@dataclass(frozen=True, slots=True)
class Column:
    """`leaves`: columns with higher numbers leave a narrow terminal first; 0: never."""

    name: str
    right: bool = False
    leaves: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    colour: str | None = None


def terminal_width() -> int | None:
    """The width of the terminal that stdout is; None for a pipe or a file."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def painted(text: str, colour: str | None = None, bold: bool = False, dim: bool = False) -> str:
    """The text in this colour, unless the user wants no colours (no-color.org)."""
    if os.environ.get("NO_COLOR") or not (colour or bold or dim):
        return text
    return click.style(text, fg=colour, bold=bold or None, dim=dim or None)


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[Cell]], width: int | None = None
) -> Shown:
    """A line of names in bold, then a line for each row."""
    listed = list(rows)
    cells = [[one_line(cell.text) for cell in row] for row in listed]
    widths = [
        max(len(column.name), *(len(row[at]) for row in cells)) if cells else len(column.name)
        for at, column in enumerate(columns)
    ]
    kept = _kept(columns, widths, width)
    lines = [painted(_row([column.name for column in columns], columns, widths, kept), bold=True)]
    for row, texts in zip(listed, cells, strict=True):
        shown = [_padded(text, columns[at], widths[at]) for at, text in enumerate(texts)]
        line = [_coloured(shown[at], row[at].colour) for at in kept]
        lines.append(GAP.join(line).rstrip())
    return Shown("\n".join(lines))


def pairs(rows: Iterable[tuple[str, Cell]], width: int | None = None) -> Shown:
    """Names in bold, each with its value; values too long for the terminal are wrapped."""
    listed = list(rows)
    left = max((len(name) for name, _ in listed), default=0)
    room = None if width is None else max(20, width - left - len(GAP))
    lines = []
    for name, cell in listed:
        text = one_line(cell.text)
        folded = textwrap.wrap(text, room, break_on_hyphens=False) if room else [text]
        for at, part in enumerate(folded or [""]):
            head = painted(name.ljust(left), bold=True) if at == 0 else " " * left
            lines.append(f"{head}{GAP}{_coloured(part, cell.colour)}")
    return Shown("\n".join(lines))


def _kept(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> list[int]:
    kept = list(range(len(columns)))
    while width is not None and sum(widths[at] for at in kept) + len(GAP) * (len(kept) - 1) > width:
        last = max(kept, key=lambda at: columns[at].leaves)
        if not columns[last].leaves:
            break
        kept.remove(last)
    return kept


def _row(
    texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int], kept: Sequence[int]
) -> str:
    return GAP.join(_padded(texts[at], columns[at], widths[at]) for at in kept).rstrip()


def _padded(text: str, column: Column, width: int) -> str:
    return text.rjust(width) if column.right else text.ljust(width)


def _coloured(text: str, colour: str | None) -> str:
    return painted(text, dim=True) if colour == "dim" else painted(text, colour)
