"""Tests of showing what somebody else wrote."""

import io
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from evolve_ai.ui.plain import one_line, plain
from evolve_ai.ui.terminal import Terminal

CLI = Path(__file__).parents[3] / "evolve_ai" / "cli"
HOSTILE = "\x1b]0;title\x07\x9b2J\u202e[red]no[/blue] :bomb: "
SHOWN = r"\x1b]0;title\x07\x9b2J\u202e[red]no[/blue] :bomb:"
WAYS_TO_PRINT = r"click\.s?echo\(|(?<![\w.])print\(|\bConsole\(|std(?:out|err)\.write"
OWN_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a\tb\nc\n", "a\tb\nc\n"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2Jgone", r"\x9b2Jgone"),
        ("\x1b]52;c;cm0gLXJm\x1b\\after", "\\x1b]52;c;cm0gLXJm\\x1b\\after"),
        ("50%\rall\b\b\x00\x7f\x85", r"50%\rall\x08\x08\x00\x7f\x85"),
        ("abc\u202edef\u2066\u200b", r"abc\u202edef\u2066\u200b"),
        ("one\u2028two", r"one\u2028two"),
        ("\udc9b from a file name", r"\udc9b from a file name"),
        ("päivää 日本\u3000☀ 5\xa0€", "päivää 日本\u3000☀ 5\xa0€"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_made_visible(written: str, shown: str) -> None:
    assert plain(written) == shown


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]()0;1mA\x07\\\x9b\x9d\n\t\r"))))
@example("\x1b" * 3)
def test_nothing_is_left_that_a_terminal_obeys(written: str) -> None:
    shown = plain(written)
    assert not re.search(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", shown
    )
    assert shown.count("\n") == written.count("\n")
    assert plain(shown) == shown
    shown.encode()
    assert not set(one_line(written)) & {"\n", "\t"}


def table(*cells: RenderableType) -> Table:
    table = Table(title=HOSTILE)
    for cell in cells:
        table.add_column(HOSTILE)
        table.add_row(cell)
    return table


@pytest.mark.parametrize(
    "report",
    [
        HOSTILE,
        Text(HOSTILE, style="red"),
        Text.assemble((HOSTILE, "red"), " and more"),
        Group(Text(HOSTILE), HOSTILE),
        table(HOSTILE),
        table(Text(HOSTILE, style="green")),
    ],
    ids=["string", "text", "assembled", "group", "cell", "text in a cell"],
)
@pytest.mark.parametrize("is_terminal", [False, True])
def test_no_report_has_a_way_around(report: RenderableType, is_terminal: bool) -> None:
    file = io.StringIO()
    Terminal(file, force_terminal=is_terminal, width=120, color_system="truecolor").print(report)
    shown = OWN_COLOURS.sub("", file.getvalue())
    # rich drops some control characters of its own accord; what is left of the others is all there
    assert SHOWN.replace(r"\x07", "") in shown.replace(r"\x07", "")
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_long_hostile_text_is_broken_into_lines_and_not_cut() -> None:
    file = io.StringIO()
    Terminal(file, width=40).print(Text("\x1b" * 100))
    assert file.getvalue().replace("\n", "") == r"\x1b" * 100


def test_the_command_line_prints_in_one_place() -> None:
    found = {path.name: re.findall(WAYS_TO_PRINT, path.read_text()) for path in CLI.glob("*.py")}
    # Foreign text is made plain by the first; the second is for programs, byte for byte.
    assert found.pop("options.py") == ["click.secho(", "click.echo("]
    assert not any(found.values()), found
