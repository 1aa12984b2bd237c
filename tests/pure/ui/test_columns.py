"""Tables of our own: whole in a pipe, narrower on a terminal, and nothing in them is obeyed."""

import re

import pytest

from evolve_ai.ui.columns import Cell, Column, pairs, table

COLUMNS = (
    Column("id"),
    Column("energy", right=True, leaves=1),
    Column("restarts", right=True, leaves=2),
    Column("cause", leaves=3),
)
ROWS = [
    (Cell("b2f5-0001"), Cell("12.5"), Cell("0"), Cell("", None)),
    (Cell("b2f5-0002", "red"), Cell("3.0"), Cell("11"), Cell("quarantined by hand", "dim")),
]


def bare(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()


def test_into_a_pipe_every_row_comes_whole() -> None:
    assert bare(table(COLUMNS, ROWS)) == [
        "id         energy  restarts  cause",
        "b2f5-0001    12.5         0",
        "b2f5-0002     3.0        11  quarantined by hand",
    ]


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (80, ["id", "energy", "restarts", "cause"]),
        (30, ["id", "energy", "restarts"]),
        (20, ["id", "energy"]),
        (10, ["id"]),
        (1, ["id"]),
    ],
)
def test_on_a_narrow_terminal_columns_go_before_ids(width: int, names: list[str]) -> None:
    lines = bare(table(COLUMNS, ROWS, width))
    assert lines[0].split() == names
    assert [line.split()[0] for line in lines[1:]] == ["b2f5-0001", "b2f5-0002"]


def test_table_of_nobody_has_its_names() -> None:
    assert bare(table(COLUMNS, [])) == ["id  energy  restarts  cause"]


def test_cells_are_shown_and_not_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = table((Column("a"), Column("b")), [(Cell("\x1b[2J\n"), Cell("x\ty"))])
    assert shown.splitlines() == ["a          b", r"\x1b[2J\n  x\ty"]


def test_long_facts_are_folded_on_a_terminal_only() -> None:
    words = "many words " * 10
    facts = [("one", Cell(words)), ("other", Cell("few"))]
    assert len(bare(pairs(facts))) == 2
    folded = bare(pairs(facts, 40))
    assert all(len(line) <= 40 for line in folded)
    assert folded[1].startswith("       many")
    assert " ".join(line[7:].strip() for line in folded[:-1]) == words.strip()
