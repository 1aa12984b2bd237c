"""Budgets of a living population: what is near one is visible, and what is over is brought back."""

from project_support import ProjectUnderTest

FREE = ("--set", 'mode="free"')


def test_machine_with_room_has_its_history_untouched(project: ProjectUnderTest) -> None:
    project.live(1)
    assert project.events("budget") == []
    status = project.status()
    assert status["tainted"] is None
    assert set(status["budgets"]) >= {"memory", "disk", "descriptors"}
    for found in status["budgets"].values():
        assert 0 <= found["used"] < found["allowed"]
    assert status["budgets"]["memory"]["used"] == 0, "nobody runs, so nobody uses memory"
    assert "budgets" in project.evolve("status").out


def test_poorest_die_for_a_budget_that_is_full_and_history_says_so(calm: ProjectUnderTest) -> None:
    before = len(calm.agents())
    done = calm.live(1, "--set", "budget.descriptors=101")
    assert "budget of descriptors" in done.err
    [death] = calm.events("death")
    assert death["cause"] == "budget"
    assert all(death["energy"] <= row["energy"] for row in calm.agents())
    [event] = calm.events("budget")
    assert (event["resource"], event["allowed"], event["deaths"]) == ("descriptors", 101, 1)
    status = calm.status()
    assert "budget of descriptors" in status["tainted"]
    assert status["deaths"] == {"budget": 1}
    assert status["population"]["alive"] == before - 1
    assert not calm.folder(death["agent"]).exists()


def test_nobody_is_born_near_a_budget_and_free_mode_is_told(project: ProjectUnderTest) -> None:
    project.live(2, *FREE, "--set", "budget.memory_bytes=1", "--set", "budget.inodes=1")
    assert project.events("birth") == []
    assert {event["resource"] for event in project.events("budget")} == {"memory", "inodes"}
    assert project.status()["population"]["alive"] >= 1
    assert project.status()["tainted"] is None


def test_disk_that_others_have_filled_costs_no_life_and_is_told_once(
    project: ProjectUnderTest,
) -> None:
    """The store and the build area of these tests are links: what fills it here is a registry."""
    (project.root / "workspace" / "registry.corrupt-old.sqlite").write_bytes(b"x" * 30_000_000)
    done = project.live(8, "--set", "budget.disk_bytes=20000000")
    assert done.err.count("budget of disk") <= 2
    assert "(registry 2" in done.err
    assert "raise budget.disk_bytes, or lower what [history] and events.kept keep" in done.err
    status = project.status()
    assert status["population"]["alive"] >= 4, "half of the places, whatever is full"
    assert "budget" not in status["deaths"]
    assert project.events("birth"), "who dies is replaced"


def test_language_that_needs_more_than_it_gets_is_told_with_both_numbers(
    calm: ProjectUnderTest,
) -> None:
    done = calm.live(1, "--set", "supervise.memory_bytes=2000000", code=2)
    assert "supervise.memory_bytes is 2000000" in done.err
    assert "an agent in rust needs 8388608" in done.err


def test_agents_live_in_the_least_room_that_their_language_asks_for(
    calm: ProjectUnderTest,
) -> None:
    room = ("--set", "supervise.memory_bytes=8388608", "--set", "supervise.descriptors=8")
    calm.live(1, *room)
    assert [event for event in calm.events("exit") if event["cause"] != "planned"] == []
    assert calm.status()["population"]["quarantined"] == 0
