"""Tests of the bar: what it shows, and that it goes when the work is done."""

import io
import time

from rich.console import Console

from evolve_ai.model.report import BuildProgress
from evolve_ai.ui.progress import build_bar


def shown(*news: BuildProgress, terminal: bool = True) -> list[str]:
    """What a terminal of 100 columns was given after each piece of news."""
    written, texts = io.StringIO(), []
    console = Console(file=written, force_terminal=terminal, width=100, color_system=None)
    with build_bar(console) as advance:
        for one in news:
            written.seek(0)
            written.truncate()
            advance(one)
            time.sleep(0.3)  # rich draws ten times a second
            texts.append(written.getvalue())
    return texts


def test_bar_shows_units_and_wirings_until_the_binary_is_there() -> None:
    begun, nearly, over = shown(
        BuildProgress(7, 13, 1000),
        BuildProgress(13, 13, 1000),
        BuildProgress(13, 13, 1000, over=True),
    )
    assert "building" in begun
    assert "units 7/13 · 1000 wirings" in begun
    assert "units 13/13" in nearly
    assert "units" not in over.rpartition("\r")[2]


def test_one_wiring_is_no_plural() -> None:
    (text,) = shown(BuildProgress(0, 1, 1))
    assert "· 1 wiring " in text


def test_nothing_is_drawn_where_nobody_looks() -> None:
    assert shown(BuildProgress(1, 2, 3), terminal=False) == [""]
