"""Another profile in evolve.toml: everybody is compiled anew, and lives on."""

from project_support import ProjectUnderTest


def fingerprints(project: ProjectUnderTest) -> dict[str, str]:
    return {row["id"]: row["fingerprint"] for row in project.agents()}


def test_other_profile_reaches_every_agent_in_the_next_run(calm: ProjectUnderTest) -> None:
    before, digest = fingerprints(calm), calm.digest()
    calm.set(opt_level='"1"')
    calm.live(1)
    levelled = fingerprints(calm)
    calm.set(target_cpu='"native"')
    calm.live(1)
    after = fingerprints(calm)
    assert before.keys() == levelled.keys() == after.keys()
    for agent in before:
        assert len({before[agent], levelled[agent], after[agent]}) == 3
        assert "opt-level = 1\n" in (calm.folder(agent) / "Cargo.toml").read_text()
        assert [event["remembers"] for event in calm.events("start", agent)[1:]] == [True, True]
    status = calm.status()
    assert status["builds"]["failed"] == 0
    assert status["population"]["quarantined"] == 0
    assert not status["tainted"]
    assert status["history_digest"] != digest


def test_unknown_processor_is_told_before_anything_is_built(calm: ProjectUnderTest) -> None:
    calm.set(target_cpu='"quux"')
    assert "rustc knows no processor 'quux'" in calm.live(1, code=2).err
