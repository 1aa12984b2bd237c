"""Whole projects whose programs were altered: nobody runs them, and somebody is told."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project_support import ProjectUnderTest
from signatures_support import alter_all, batches, set_aside, with_own_store


@pytest.fixture
def own(calm: ProjectUnderTest, made_projects: Path) -> ProjectUnderTest:
    return with_own_store(calm, made_projects)


def causes(project: ProjectUnderTest) -> set[str]:
    return {row["cause"] for row in project.agents()}


@pytest.mark.parametrize("name", ["program", "signature"])
def test_whose_program_was_altered_is_quarantined_until_revived(
    name: str, own: ProjectUnderTest
) -> None:
    everybody = {row["id"] for row in own.agents()}
    alter_all(own, name)
    told = own.live(1).err
    assert "agents set aside: its program was altered" in told
    assert causes(own) == {"signature"}
    assert own.status()["population"]["quarantined"] == len(everybody)
    quarantined = {event["agent"]: event for event in own.events("quarantine")}
    assert quarantined.keys() == everybody
    assert all("evolve revive" in event["reason"] for event in quarantined.values())
    assert "was altered" in own.status()["tainted"]
    assert not batches(own) and set_aside(own)
    own.live(1)  # and so it stays
    assert causes(own) == {"signature"} and not batches(own)
    seen = len(own.events("build"))
    own.evolve("revive", "--all")
    own.live(1)
    assert causes(own) == {None}
    assert own.status()["population"]["running"] == 0  # they were sent home, in order
    assert {event["verdict"] for event in own.events("build")[seen:]} == {"compiled"}
    assert len(batches(own)) == 1 and set_aside(own)
    own.evolve("verify")


def test_revived_one_by_one_by_a_life_cycle(own: ProjectUnderTest) -> None:
    alter_all(own)
    own.live(1)
    first, second, *others = sorted(row["id"] for row in own.agents())
    own.evolve("revive", first)
    own.live(1)
    own.evolve("revive", second)
    own.live(1)
    states = {row["id"]: row["cause"] for row in own.agents()}
    assert states == {first: None, second: None, **dict.fromkeys(others, "signature")}


def test_build_tells_of_an_altered_program_and_leaves_quarantine_to_the_life_cycle(
    own: ProjectUnderTest,
) -> None:
    alter_all(own)
    result = own.evolve("build", "--json", code=1).json
    assert {row["cause"] for row in result["agents"]} == {"signature"}
    own.live(1)
    assert causes(own) == {"signature"}


def test_explain_says_what_is_wrong_and_changes_nothing(own: ProjectUnderTest) -> None:
    alter_all(own)
    agent = own.agents()[0]["id"]
    told = own.evolve("build", "--explain", agent, "--json").json
    assert (told["verdict"], told["cause"]) == ("failed", "signature")
    assert batches(own) and not set_aside(own)


def test_lost_key_is_replaced_aloud_and_everything_built_anew(own: ProjectUnderTest) -> None:
    key = own.root / "workspace" / "key"
    before = key.read_bytes()
    key.unlink()
    assert own.evolve("verify", "--json", code=1).json["rows"][0]["detail"] == "lost"
    told = own.live(1).err
    assert f"{key} is gone: a new one is made, and every program is built anew" in told
    assert key.read_bytes() != before
    assert causes(own) == {None}
    assert own.events("build")[-1]["verdict"] == "compiled"
    assert not set_aside(own)
    own.evolve("verify")
    assert "is gone" not in own.live(1).err


def test_build_says_that_a_key_is_lost(own: ProjectUnderTest) -> None:
    (own.root / "workspace" / "key").unlink()
    assert "is gone: a new one is made" in own.evolve("build").err
    assert "is gone" not in own.evolve("build").err


@pytest.mark.parametrize("command", ["life-cycle", "build"])
def test_key_that_others_could_have_is_refused_in_a_sentence(
    command: str, own: ProjectUnderTest
) -> None:
    key = own.root / "workspace" / "key"
    key.chmod(0o644)
    done = own.evolve(command, code=1)
    assert f"{key}: the key has mode 0644" in done.err
    assert "chmod 600" in done.err
    assert not own.agent_pids()
    key.chmod(0o600)
    own.live(1)


def test_batch_of_another_project_makes_nobody_run(
    own: ProjectUnderTest,
    copy_of: Callable[..., ProjectUnderTest],
    empty_project: Path,
    made_projects: Path,
) -> None:
    other = with_own_store(copy_of(empty_project, "other"), made_projects)
    (other.root / "workspace" / "key").unlink()
    for batch in batches(own):
        shutil.rmtree(batch)
    own.evolve("build")
    (ours,) = batches(own)
    ours.rename(other.root / "ours")
    other.evolve("init", 1)
    other.evolve("build")
    (theirs,) = batches(other)
    assert theirs.name == ours.name, "of the same template"
    theirs.rename(ours)
    own.live(1)
    assert causes(own) == {"signature"}
    (event, *_) = own.events("quarantine")
    assert "another key than this project's" in event["reason"]
