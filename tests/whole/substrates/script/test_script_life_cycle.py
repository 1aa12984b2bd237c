"""A language of the user's own lives: scripts, in a life-cycle, in the box, and no compiler."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conformance_support import SCRIPTS
from project_support import NO_CARGO, ProjectUnderTest

from evolve_ai.model.genome import decode

LONGEST = 200  # lines, of the whole substrate
CHOSEN = "script_substrate:ScriptSubstrate"


@pytest.fixture
def scripts(copy_of: Callable[..., ProjectUnderTest], empty_project: Path) -> ProjectUnderTest:
    """Eight founders that are scripts; nothing of Rust lies in the project, or on the PATH."""
    project = copy_of(empty_project)
    shutil.rmtree(project.root / "agent_template")
    shutil.copytree(SCRIPTS / "template", project.root / "agent_template")
    shutil.copy(SCRIPTS / "script_substrate.py", project.root)
    text = (project.root / "evolve.toml").read_text()
    begin, _, rest = text.partition("[substrate]")
    rest = rest.replace('name = "rust"', f'name = "{CHOSEN}"', 1)
    (project.root / "evolve.toml").write_text(f"{begin}[substrate]{rest}")
    project.set(start_cycles=9.0)
    project.evolve("init", 8, env=environment())
    return project


def environment() -> dict[str, str]:
    """Where neither cargo nor rustc can be found."""
    return NO_CARGO


def live(project: ProjectUnderTest, cycles: int, *words: object) -> None:
    project.evolve("life-cycle", "--cycles", cycles, *words, env=environment())


def test_substrate_of_scripts_is_short() -> None:
    text = (SCRIPTS / "script_substrate.py").read_text()
    assert len(text.splitlines()) <= LONGEST


def test_scripts_are_born_mutate_and_die_in_the_box(scripts: ProjectUnderTest) -> None:
    live(scripts, 12)
    status = scripts.status()
    assert status["sandbox"].startswith(("landlock", "full"))
    assert status["population"]["alive"] > 4
    assert status["population"]["born"] > 0 < sum(status["deaths"].values())
    assert status["population"]["quarantined"] == 0
    mutations = scripts.events("mutation")
    assert {tuple(event["operators"]) for event in mutations} == {("function_flip",)}
    words = {change.lstrip("+-") for event in mutations for change in event["changes"]}
    assert words <= {"trend.run", "trend.reversal", "mean.run", "tools.damp"}
    assert scripts.events("restart"), "who has changed runs as it is now"
    for row in scripts.agents():
        folder = scripts.folder(row["id"])
        assert (folder / "agent.log").read_text() == ""
        genome = decode((folder / "genome.bin").read_bytes())
        called = [f"genes.{gene.stem}.{name}" for gene, name in genome.active_genes()]
        assert f"kernel.live([{', '.join(called)}])" in (folder / "main.py").read_text()
    assert not list(scripts.root.glob("agents/*/Cargo.toml"))
    assert not list(scripts.root.glob("**/__pycache__/kernel*"))


def test_history_of_scripts_is_the_same_twice(
    scripts: ProjectUnderTest, copy_of: Callable[..., ProjectUnderTest]
) -> None:
    other = copy_of(scripts.root, "other")
    live(scripts, 6)
    live(other, 3, "--set", "executor={name='inline'}")
    live(other, 3)
    assert scripts.chain() == other.chain()


def test_script_that_is_broken_by_hand_is_set_aside_until_it_is_mended(
    scripts: ProjectUnderTest,
) -> None:
    live(scripts, 1)
    agent = scripts.agents()[0]["id"]
    genome = decode((scripts.folder(agent) / "genome.bin").read_bytes())
    path = scripts.folder(agent) / next(gene.path for gene in genome.active_files())
    sound = path.read_text()
    path.write_text(f"{sound}\nimport socket\n")
    live(scripts, 1)
    row = next(row for row in scripts.agents() if row["id"] == agent)
    assert (row["state"], row["cause"]) == ("quarantined", "audit")
    told = scripts.evolve("audit", agent, "--json", code=1, env=environment()).out
    assert "no gene may use `socket`" in told and "what a gene imports decides" in told
    path.write_text(sound)
    live(scripts, 1)
    assert next(row for row in scripts.agents() if row["id"] == agent)["state"] != "quarantined"


def test_commands_know_scripts(scripts: ProjectUnderTest) -> None:
    live(scripts, 2)
    agent = scripts.agents()[0]["id"]
    for words, told in (
        (("build",), "from the store"),
        (("build", "--explain", agent), "a script needs no build"),
        (("verify",), ""),
        (("show", agent), "trend.py"),
        (("exam",), ""),
        (("plugins", "substrate"), CHOSEN),
    ):
        assert told in scripts.evolve(*words, env=environment()).out
    rows = scripts.evolve("doctor", "--json", env=environment()).json
    found = {row["name"]: row["detail"] for row in rows}
    assert found["interpreter"].startswith("python 3.")
    assert found["build"] == "a script of one line runs"
    assert not found.keys() & {"cargo", "rustc", "cc"}


def test_scripts_change_while_they_live_in_free_mode(scripts: ProjectUnderTest) -> None:
    live(scripts, 6, "--set", "mode=free")
    assert scripts.events("mutation") and scripts.events("restart")
    assert scripts.status()["population"]["quarantined"] == 0
