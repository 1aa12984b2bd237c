"""Agents in quarantine, in whole projects: they keep their place, can be revived, and die."""

from collections.abc import Callable
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

# Everything that ends a life, at once.
HARSH = {
    "plague_every": 1,
    "plague_share": 0.3,
    "turnover_floor": 0.2,
    "age_limit": 4,
    "quarantine_cycles": 5,
}
BROKEN = b'\npub fn broken() -> u64 { "seven" }\n'

Copy = Callable[..., ProjectUnderTest]


def broken(project: ProjectUnderTest, count: int) -> list[str]:
    """So many agents have a gene file now that no compiler takes; their ids."""
    ids = sorted(row["id"] for row in project.agents())[:count]
    for agent in ids:
        for path in project.folder(agent).glob("src/genes/*.rs"):
            if path.name != "mod.rs":
                path.write_bytes(path.read_bytes() + BROKEN)
    return ids


@pytest.fixture
def harsh(lasting: Copy, copy_of: Copy) -> ProjectUnderTest:
    source = lasting(**HARSH)
    source.evolve("init", 8)
    return copy_of(source.root)


def test_set_aside_agents_outlast_a_harsh_world_and_die_of_quarantine(
    harsh: ProjectUnderTest,
) -> None:
    ids = broken(harsh, 2)
    harsh.live(1)
    before = {row["id"]: row for row in harsh.agents() if row["id"] in ids}
    assert {row["state"] for row in before.values()} == {"quarantined"}
    harsh.live(4, "--selection", "truncation")
    after = {row["id"]: row for row in harsh.agents() if row["id"] in ids}
    assert after.keys() == set(ids)
    for agent in ids:
        for name in ("age", "energy", "place", "cause"):
            assert after[agent][name] == before[agent][name], name
        assert after[agent]["quarantine_cycles"] == 5
    assert [row["id"] for row in harsh.agents()][-2:] == sorted(
        ids, key=lambda agent: after[agent]["place"]
    ), "they count in no rank"
    assert "quarantined for 5 cycles" in harsh.evolve("show", ids[0]).out
    harsh.live(1)
    deaths = [event for event in harsh.events("death") if event["agent"] in ids]
    assert {event["cause"] for event in deaths} == {"quarantine"}
    assert harsh.status()["deaths"]["quarantine"] == 2
    assert not any(harsh.folder(agent).exists() for agent in ids)
    assert harsh.status()["tainted"] is None


def test_all_in_quarantine_are_still_there_to_be_revived(harsh: ProjectUnderTest) -> None:
    clean = {path: path.read_bytes() for path in harsh.root.glob("agents/*/src/genes/*.rs")}
    ids = broken(harsh, 8)
    harsh.live(3)
    assert {row["state"] for row in harsh.agents()} == {"quarantined"}
    assert harsh.status()["fitness"]["mean"] is None
    for path, code in clean.items():
        path.write_bytes(code)
    assert "revived 8" in harsh.evolve("revive", "--all").out
    harsh.live(1)
    states = {row["id"]: row["state"] for row in harsh.agents("--all") if row["id"] in ids}
    assert set(states.values()) <= {"waiting", "dead"}
    assert "waiting" in states.values()


def test_story_before_the_first_cycle_tells_the_genes_of_the_genome(
    harsh: ProjectUnderTest,
) -> None:
    agent = harsh.agents()[0]
    told = harsh.evolve("show", agent["id"], "--json").json
    assert told["metrics"]["active_genes"] == agent["active_genes"] > 0
    assert told["metrics"]["lines"] is None
    assert "0 active genes" not in harsh.evolve("show", agent["id"]).out
    harsh.live(1)
    told = harsh.evolve("show", agent["id"], "--json").json
    assert told["metrics"]["lines"] > 0


def test_history_with_quarantine_does_not_depend_on_runs(
    harsh: ProjectUnderTest, copy_of: Copy
) -> None:
    broken(harsh, 3)
    other = copy_of(harsh.root, "other")
    harsh.live(7, "--workers", 1)
    for cycles in (2, 1, 4):
        other.live(cycles, "--workers", 2)
    assert harsh.chain() == other.chain()


def test_agent_that_is_set_aside_in_free_mode_is_back_when_it_is_mended(
    calm: ProjectUnderTest,
) -> None:
    agent = calm.agents()[0]["id"]
    folder: Path = calm.folder(agent)
    clean = {path: path.read_bytes() for path in folder.glob("src/genes/*.rs")}
    energy = calm.agents()[0]["energy"]
    (folder / "src" / "genes" / "stray.rs").write_text("// nobody names it\n")
    calm.live(2, "--set", "mode=free")
    row = next(row for row in calm.agents() if row["id"] == agent)
    assert (row["state"], row["energy"]) == ("quarantined", energy)
    (folder / "src" / "genes" / "stray.rs").unlink()
    for path, code in clean.items():
        path.write_bytes(code)
    calm.live(3, "--set", "mode=free")
    row = next(row for row in calm.agents() if row["id"] == agent)
    assert row["cause"] is None
    assert row["energy"] != energy
