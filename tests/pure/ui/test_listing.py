"""Tables are whole wherever they are read: in a pipe, and on a narrow terminal."""

import io
from dataclasses import replace

import pytest
from rich.console import RenderableType
from rich.text import Text

from evolve_ai.model.population_report import AgentRow
from evolve_ai.model.status import AgentStory
from evolve_ai.ui.population import agents_table
from evolve_ai.ui.story import story
from evolve_ai.ui.terminal import Terminal

METRICS = ("functions", "active_genes", "active_files", "complexity", "lines")


def row(number: int, state: str = "quarantined") -> AgentRow:
    return AgentRow(
        id=f"{number:08x}-1234-4000-8000-00000000000{number}",
        state=state,
        pid=4194304,
        generation=200,
        parents=[],
        place=number,
        energy=123_456_789,
        fitness=0.5,
        age=20,
        active_genes=12,
        fingerprint="",
        restarts=2,
        cause="never-restart",
        cpu_seconds=0,
        rss_bytes=0,
        quarantine_cycles=3,
    )


def shown(what: RenderableType, width: int | None) -> str:
    file = io.StringIO()
    how = {"width": width, "force_terminal": True, "color_system": None} if width else {}
    Terminal(file, **how).print(what)
    return file.getvalue()


ROWS = [row(number) for number in range(3)]


def test_nothing_is_cut_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long = Text("word " * 100)
    assert shown(long, None).strip() == ("word " * 100).strip()
    text = agents_table(ROWS)
    assert "…" not in text
    assert text.count("quarantined") == text.count("never-restart") == 3


@pytest.mark.parametrize("width", [120, 80, 60, 40, 30, 20])
def test_whole_columns_go_before_a_cell_is_cut(width: int) -> None:
    text = agents_table(ROWS, width=width)
    assert "…" not in text
    assert all(one.id[:13] in text for one in ROWS)
    assert text.count("quarantined") == 3


def test_ids_that_begin_alike_are_shown_whole() -> None:
    twins = [replace(row(1), id=f"00000000-1234-4000-8000-00000000000{n}") for n in (1, 2)]
    assert all(twin.id in agents_table(twins, width=60) for twin in twins)
    assert twins[0].id not in agents_table(twins[:1])


def told(lineage: int, measured: bool) -> AgentStory:
    values = dict.fromkeys(METRICS, 2 if measured else None)
    return AgentStory(
        agent=row(1),
        founder=False,
        born_cycle=1,
        died_cycle=None,
        reason=None,
        lineage=[f"{n:08x}-aaaa-4000-8000-000000000000" for n in range(lineage)],
        cost=1,
        metrics={**values, "active_genes": 7, "active_files": 1},
        mutations={},
        children=[f"{n:08x}-bbbb-4000-8000-000000000000" for n in range(lineage)],
        genome={"genes": [], "traits": {}},
        events=[],
    )


def test_of_many_ancestors_and_children_the_nearest_are_shown() -> None:
    text = shown(story(told(200, measured=True)), None)
    assert "00000000-aaaa < 00000001-aaaa" in text
    assert text.count("-aaaa") == text.count("-bbbb") == 5
    assert text.count("and 195 more") == 2
    assert "more" not in shown(story(told(5, measured=True)), None)


def test_what_was_not_measured_yet_is_said_to_be_so() -> None:
    text = shown(story(told(2, measured=False)), None)
    assert "7 active genes in 1 file, not measured before its first cycle" in text
    assert "quarantined for 3 cycles" in text
