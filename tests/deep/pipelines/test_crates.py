"""The example with crates, as a user goes through it: founded, lived, built alone, refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

from evolve_ai.model.genome import decode

EXAMPLE = Path(__file__).parents[3] / "examples" / "crates"
COUNT = 20


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the example's script makes."""
    root = tmp_path_factory.mktemp("special") / "project"
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = EXAMPLE / "new_project.sh"
    subprocess.run([script, root], env={**os.environ, "PATH": tools}, check=True)
    return root


@pytest.mark.usefixtures("crate_registry")
def test_example_with_crates_lives_and_each_agent_builds_alone(
    copy_of: Callable[..., ProjectUnderTest], special: Path
) -> None:
    project = copy_of(special)
    project.set(ticks=12, file_active=1.0, function_active=1.0)
    project.evolve("init", COUNT)
    project.live(1)
    builds = project.status()["builds"]
    assert (builds["requested"], builds["failed"]) == (COUNT, 0)
    agents = [row["id"] for row in project.agents()]
    locks = {agent: (project.folder(agent) / "Cargo.lock").read_text() for agent in agents}
    assert all(f'name = "agent-{agent}"' in lock for agent, lock in locks.items())
    chosen = next(agent for agent in agents if uses_the_crate(project.folder(agent)))
    done = subprocess.run(
        ["cargo", "build", "--release", "--offline", "--locked"],
        cwd=project.folder(chosen),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    project.live(1)
    assert project.status()["population"]["quarantined"] == 0
    assert project.evolve("exam", "--json").json["living"]["median_s"] is not None


def uses_the_crate(folder: Path) -> bool:
    genome = decode((folder / "genome.bin").read_bytes())
    return any(gene.stem == "special" and gene.active for gene in genome.files)


def test_crate_that_is_not_allowed_founds_nobody(
    copy_of: Callable[..., ProjectUnderTest], special: Path
) -> None:
    project = copy_of(special)
    settings = project.root / "evolve.toml"
    settings.write_text(settings.read_text().replace('\nlibm = "0.2.16"\n', "\n"))
    refused = project.evolve("init", 2, code=1).err
    assert "libm is not among those that are allowed" in refused
    assert 'below [crates] of evolve.toml: libm = "0.2.16"' in refused
    assert not list((project.root / "agents").glob("*"))


def test_doctor_reads_such_a_template_without_fetching(
    copy_of: Callable[..., ProjectUnderTest], special: Path
) -> None:
    project = copy_of(special)
    checks = project.evolve("doctor", "--json").json
    (template,) = (check for check in checks if check["name"] == "template")
    assert template["ok"]
    assert not (project.root / "workspace" / "crates").exists()
