"""The views of the registry are as docs/registry.md tells, and answer its questions."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from old_registry import unpack
from project_support import ProjectUnderTest, wait_until

from evolve_ai.state.views import VIEWS

PAGE = (Path(__file__).parents[3] / "docs" / "registry.md").read_text()
QUESTIONS = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CYCLES = 6


def documented() -> dict[str, list[str]]:
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (.+) \|$", PAGE, re.MULTILINE)
    found = {name: re.findall(r"(?:^| · )`(\w+)`", cells) for name, cells in rows}
    return {name: found["agents"] if name in ("living", "dead") else cells
            for name, cells in found.items()}  # fmt: skip


@pytest.fixture
def registry(project: ProjectUnderTest) -> Iterator[sqlite3.Connection]:
    project.live(CYCLES, "--set", "history.sample_every=2")
    path = project.root / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def one(connection: sqlite3.Connection, query: str) -> object:
    return connection.execute(query).fetchone()[0]


def test_page_tells_of_every_view_and_column(project: ProjectUnderTest) -> None:
    path = project.root / "workspace" / "registry.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        there = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
            for name in VIEWS
        }
    assert documented() == there


def test_questions_of_the_page_have_answers(
    registry: sqlite3.Connection, project: ProjectUnderTest
) -> None:
    assert len(QUESTIONS) >= 7
    for question in QUESTIONS:
        assert registry.execute(question).fetchall(), question
    status = project.status()["population"]
    assert one(registry, "SELECT count(*) FROM living") == status["alive"]
    assert one(registry, "SELECT sum(count) FROM death_causes") == status["dead"]
    assert one(registry, "SELECT count(*) FROM dead") == status["dead"]
    assert one(registry, "SELECT count(*) FROM history") == CYCLES
    assert one(registry, "SELECT count(DISTINCT cycle) FROM agent_samples") == CYCLES // 2
    assert one(registry, "SELECT count(*) FROM history WHERE champion IS NULL") == 0
    active = "SELECT count(*) FROM active_genes"
    assert one(registry, active) == one(registry, "SELECT sum(active_genes) FROM living")
    assert one(registry, active) == one(registry, "SELECT sum(gained - lost) FROM gene_frequencies")
    runs = registry.execute("SELECT purpose, ended, settings FROM run_list ORDER BY begun")
    assert [(purpose, ended is None) for purpose, ended, _ in runs] == [
        ("init", False),
        ("life-cycle", False),
    ]
    births = one(registry, "SELECT count(*) FROM event_list WHERE event = 'birth'")
    assert births == status["born"]


def test_prune_keeps_to_the_settings(tmp_path: Path) -> None:
    project = ProjectUnderTest(unpack(tmp_path / "old"))
    before, living = project.status(), project.agents()
    assert "keeps everything about dead agents" in project.evolve("prune").out
    words = ("--set", "history.agents=1", "--set", "history.samples=1")
    found = project.evolve("prune", "--json", *words).json
    left = project.agents("--all")
    assert found["agents"] == 21 - len(left) > 0
    assert project.agents() == living
    for key in ("population", "deaths", "history_digest", "fitness"):
        assert project.status()[key] == before[key]
    for agent in left:
        project.evolve("show", agent["id"])
    project.evolve("resume")
    project.live(1)
    assert project.evolve("verify").out.count("NO ") == 0
    project.evolve("exam")
    told = [event["command"] for event in project.events("command")]
    assert told.count("prune") == 2


def test_prune_waits_for_no_life_cycle(project: ProjectUnderTest) -> None:
    project.start("life-cycle", "--set", "cycle.sleep=9")
    wait_until(lambda: project.status()["life_cycle"] is not None, "a life-cycle")
    assert "life-cycle" in project.evolve("prune", code=75).err
