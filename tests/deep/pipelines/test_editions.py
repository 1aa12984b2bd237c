"""A template of another edition of Rust: kernel, genes and batches are compiled as it says."""

import re

from project_support import ProjectUnderTest

# `let` in a chain of conditions is for edition 2024 alone.
_NEWEST = """use crate::kernel::Agent;

pub fn chained(agent: &mut Agent) {
    if let Some(seen) = Some(agent.error())
        && seen.is_nan()
    {
        agent.rest();
    }
}
"""


def _take(project: ProjectUnderTest, edition: str) -> None:
    manifest = project.root / "agent_template" / "Cargo.toml"
    text = manifest.read_text()
    manifest.write_text(re.sub(r'(?m)^edition = ".*"$', f'edition = "{edition}"', text))


def test_population_lives_in_edition_2024(unfounded: ProjectUnderTest) -> None:
    _take(unfounded, "2024")
    unfounded.gene("newest", _NEWEST)
    unfounded.evolve("init", 3, "--seed", 1)
    unfounded.live(2)
    status = unfounded.status()
    assert status["population"]["quarantined"] == 0
    assert status["builds"]["failed"] == 0
    for agent in unfounded.agents():
        assert 'edition = "2024"' in (unfounded.folder(agent["id"]) / "Cargo.toml").read_text()
        assert agent["fitness"] is not None


def test_other_edition_is_no_change_for_those_who_live(calm: ProjectUnderTest) -> None:
    _take(calm, "2024")
    said = calm.live(1, code=1)
    assert "kernel or manifest of the template differs from that of the living agents" in said.err
    assert "Cargo.toml" in said.err
    _take(calm, "2021")
    calm.live(1)


def test_code_of_a_newer_edition_is_refused_with_file_and_line(unfounded: ProjectUnderTest) -> None:
    unfounded.gene("newest", _NEWEST)
    said = unfounded.evolve("init", 3, "--seed", 1, code=1)
    assert "src/genes/newest.rs:4: " in said.err
    assert "2024" in said.err
