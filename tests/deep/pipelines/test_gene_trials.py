"""A gene file that does not compile is refused before any agent gets it, wherever it comes in."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from project_support import UNDYING, ProjectUnderTest, wait_until

from evolve_ai.model.genome import decode

TYPO = """//! A gene that no compiler takes.
use crate::kernel::Agent;

/// Does not compile.
pub fn wrong(agent: &mut Agent) {
    let number: u64 = "seven";
    agent.keep("typo", number as f64);
}
"""
LATER = """//! An error that type checking does not find.
use crate::kernel::Agent;

pub fn wrong(agent: &mut Agent) {
    let few = [1.0, 2.0];
    agent.keep("few", few[5]);
}
"""
GOOD = """//! A gene that every compiler takes.
use crate::kernel::Agent;

pub fn right(agent: &mut Agent) {
    agent.vote("right", 1.0);
}
"""
USER = """//! A gene that uses a file which does not compile.
use crate::genes::typo;
use crate::kernel::Agent;

pub fn uses(agent: &mut Agent) {
    typo::wrong(agent);
}
"""

Copy = Callable[..., ProjectUnderTest]


def holders(project: ProjectUnderTest, gene: str) -> list[str]:
    """Who has this gene file in its genome."""
    genomes = [decode(path.read_bytes()) for path in project.root.glob("agents/*/genome.bin")]
    return [g.id for g in genomes if f"src/genes/{gene}.rs" in {file.path for file in g.files}]


def templates(project: ProjectUnderTest) -> list[dict[str, object]]:
    return [e for e in project.events("command") if e["command"] == "template"]


@pytest.fixture
def breeding(lasting: Copy, copy_of: Copy) -> ProjectUnderTest:
    """A population that takes up whatever is new: in births, and by mutations in life."""
    source = lasting(mutation_rate=1.0, turnover_floor=0.3, innovation=1.0)
    source.evolve("init", 8)
    return copy_of(source.root)


@pytest.mark.parametrize(("code", "line"), [(TYPO, 6), (LATER, 6)])
def test_init_refuses_a_gene_that_does_not_compile_with_file_and_line(
    code: str, line: int, unfounded: ProjectUnderTest
) -> None:
    path = unfounded.gene("typo", code)
    done = unfounded.evolve("init", 3, code=1)
    assert f"{path}:{line}: error" in done.err
    assert "take it out of the template" in done.err
    assert not list(unfounded.root.glob("agents/*"))
    path.write_text(GOOD)
    assert "founded 3 agents" in unfounded.evolve("init", 3).out
    unfounded.live(1)
    assert unfounded.status()["population"]["quarantined"] == 0


def test_new_file_that_does_not_compile_reaches_nobody_and_is_told_once(
    breeding: ProjectUnderTest,
) -> None:
    breeding.gene("typo", TYPO)
    breeding.gene("uses", USER)
    breeding.gene("right", GOOD)
    done = breeding.live(3)
    for gene in ("typo", "uses"):
        why = f"src/genes/{gene}.rs is refused, no agent gets it: src/genes/typo.rs:6: error[E0308]"
        assert done.err.count(why) == 1
    assert holders(breeding, "right"), "what compiles is taken up beside it"
    assert breeding.live(2).err.count(why) == 1, "once in each run"
    assert holders(breeding, "typo") == holders(breeding, "uses") == []
    assert breeding.status()["population"]["quarantined"] == 0
    assert breeding.status()["deaths"].keys() <= {"starved", "age", "turnover"}
    [event] = templates(breeding)
    assert event["new"] == ["src/genes/right.rs"]
    assert "src/genes/typo.rs:6" in str(event["refused"])


@pytest.mark.parametrize("mode", ["lockstep", "free"])
def test_file_that_is_put_there_while_they_live_is_tried_first(
    mode: str, breeding: ProjectUnderTest
) -> None:
    running = breeding.start("life-cycle", "--set", f"mode={mode}")
    wait_until(lambda: breeding.events("cycle"), "a cycle")
    breeding.gene("typo", TYPO)
    told = wait_until(lambda: templates(breeding), "the refusal")
    assert "src/genes/typo.rs:6: error[E0308]" in str(told[0]["refused"])
    breeding.gene("typo", GOOD)
    wait_until(lambda: holders(breeding, "typo"), "somebody who has the mended file")
    breeding.evolve("stop", "--wait", "60")
    _, err = running.communicate()
    assert running.returncode == 0
    assert "src/genes/typo.rs:6" in err
    assert breeding.status()["population"]["quarantined"] == 0
    assert breeding.status()["tainted"] is None or mode == "free"


def test_file_that_is_changed_for_the_worse_stays_what_it_was(breeding: ProjectUnderTest) -> None:
    path = breeding.root / "agent_template" / "src" / "genes" / "trend.rs"
    before = path.read_bytes()
    path.write_bytes(before + b'\npub fn broken() -> u64 { "seven" }\n')
    done = breeding.live(3)
    assert "the previous file stays" in done.err
    assert "src/genes/trend.rs:" in done.err
    kept = {p.read_bytes() for p in breeding.root.glob("agents/*/src/genes/trend.rs")}
    assert kept == {before}
    done = breeding.evolve("init", 1, code=1)
    assert f"{path}:" in done.err, "who founds agents from the template is told again"


def test_init_left_to_a_life_cycle_founds_from_the_pool_of_that(
    breeding: ProjectUnderTest,
) -> None:
    running = breeding.start("life-cycle", "--set", "cycle.sleep=60")
    wait_until(lambda: breeding.events("cycle"), "a cycle")
    breeding.gene("typo", TYPO)
    breeding.evolve("init", 3)
    wait_until(
        lambda: [e for e in breeding.events("command") if e["command"] == "init"], "the founding"
    )
    breeding.evolve("stop", "--wait", "60")
    running.communicate()
    assert len(breeding.events("founding")) == 11
    assert holders(breeding, "typo") == []


def test_import_refuses_agents_that_do_not_compile(
    copy_of: Copy, calm_project: Path, unfounded: ProjectUnderTest, tmp_path: Path
) -> None:
    calm = copy_of(calm_project, "living")
    ids = sorted(row["id"] for row in calm.agents())[:3]
    for agent in ids:
        shutil.copytree(calm.folder(agent), tmp_path / "elsewhere" / agent)
    genome = decode((tmp_path / "elsewhere" / ids[0] / "genome.bin").read_bytes())
    active = next(gene for gene in genome.files if gene.active)
    gene = tmp_path / "elsewhere" / ids[0] / active.path
    gene.write_bytes(gene.read_bytes() + b'\npub fn broken() -> u64 { "seven" }\n')
    done = unfounded.evolve("import", tmp_path / "elsewhere", code=1)
    assert f"{active.path}:" in done.err
    assert "error[E0308]" in done.err
    assert sorted(row["id"] for row in unfounded.agents()) == ids[1:]


def test_init_without_a_compiler_leaves_the_trial_to_the_first_life_cycle(
    lasting: Copy, copy_of: Copy
) -> None:
    project = copy_of(lasting(**UNDYING).root)
    project.gene("typo", TYPO)
    project.evolve("init", 3, "--set", 'sandbox.level="none"')
    done = project.live(1)
    assert "src/genes/typo.rs:6: error[E0308]" in done.err
