"""`evolve verify`: whatever is altered in a project is found, and nothing is by looking."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from project_support import ProjectUnderTest, tree, wait_until
from signatures_support import alter_all, batches, flip, with_own_store

from evolve_ai.model.genome import decode, encode

KINDS = ["key", "template", "programs", "sources", "agents", "registry"]


@pytest.fixture(scope="module")
def whole(calm_project: Path, lasting: Callable[..., ProjectUnderTest]) -> Path:
    return lasting(calm_project).root


@pytest.fixture
def own(
    copy_of: Callable[..., ProjectUnderTest], whole: Path, made_projects: Path
) -> ProjectUnderTest:
    return with_own_store(copy_of(whole), made_projects)


def rows(project: ProjectUnderTest, code: int) -> dict[str, dict[str, Any]]:
    found = project.evolve("verify", "--json", code=code).json
    assert found["ok"] is (code == 0)
    assert [row["kind"] for row in found["rows"]] == KINDS
    return {row["kind"]: row for row in found["rows"]}


def test_whole_project_is_verified_without_a_trace(own: ProjectUnderTest) -> None:
    before = tree(own.root)
    found = rows(own, 0)
    assert tree(own.root) == before
    assert found["agents"]["checked"] == len(own.agents())
    assert found["programs"]["checked"] == len(batches(own))
    assert found["sources"]["checked"] >= 5
    told = own.evolve("verify").out.splitlines()
    assert [line.split(":")[0] for line in told] == [f"ok  {kind}" for kind in KINDS]


def test_project_without_agents_is_whole(unfounded: ProjectUnderTest) -> None:
    shutil.rmtree(unfounded.root / "workspace")
    found = rows(unfounded, 0)
    assert found["key"]["detail"].startswith("none yet")
    assert not (unfounded.root / "workspace").exists()


def test_project_is_verified_while_it_lives(unfounded: ProjectUnderTest) -> None:
    unfounded.set(mutation_rate=1.0)
    unfounded.evolve("init", 6)
    running = unfounded.start("life-cycle", "--set", "cycle.sleep=0.2")
    wait_until(lambda: unfounded.events("mutation"), "a mutation")
    for _ in range(3):
        assert rows(unfounded, 0)["agents"]["checked"]
    unfounded.evolve("stop")
    assert running.wait(30) == 0


# What can be altered. Each gets the project; and the kind of thing it is, and what is then said.


def mode_of_the_key(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (project.root / "workspace" / "key").chmod(0o660)
    return "key", "mode 0660"


def byte_of_the_key(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    flip(project.root / "workspace" / "key", 60)
    return "key", "damaged"


def lost_key(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (project.root / "workspace" / "key").unlink()
    return "key", "gone"


def kernel_of_the_template(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (project.root / "agent_template" / "src" / "kernel" / "mod.rs").open("a").write("// more\n")
    return "template", "differs from that of the living agents"


def binary(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    alter_all(project)
    return "programs", "its binary is not the one that was signed"


def index(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    alter_all(project, "index.json")
    return "programs", "its index.json is not the one that was signed"


def source(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    flip(next(project.root.glob("workspace/store/sources/*/*")))
    return "sources", "does not match its name"


def stranger_among_the_sources(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (project.root / "workspace/store/sources/ab").mkdir(exist_ok=True)
    (project.root / "workspace/store/sources/ab/notes").write_text("mine")
    return "sources", "does not match its name"


def kernel_of_an_agent(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    flip(folder / "src" / "lib.rs")
    return "agents", "src/lib.rs: differs"


def wiring_of_an_agent(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    flip(folder / "src" / "main.rs")
    return "agents", "src/main.rs: it is not what is generated"


def manifest_of_an_agent(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (folder / "Cargo.toml").open("a").write('build = "build.rs"\n')
    return "agents", "Cargo.toml: it is not what is generated"


def stranger_in_a_folder(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (folder / "build.rs").write_text("fn main() {}")
    return "agents", "build.rs: a file that does not belong here"


def genome_that_is_none(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    (folder / "genome.bin").write_bytes(b"\xc1")
    return "agents", "genome.bin: not msgpack"


def genome_of_another_generation(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    genome = decode((folder / "genome.bin").read_bytes())
    changed = {name: getattr(genome, name) for name in genome.__slots__}
    (folder / "genome.bin").write_bytes(encode(type(genome)(**{**changed, "generation": 9})))
    return "agents", "older than the one on record"


def folder_that_is_a_link(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    folder.rename(project.root / "elsewhere")
    folder.symlink_to(project.root / "elsewhere")
    return "agents", "it is no folder"


def state_that_is_a_link(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    shutil.rmtree(folder / "state", ignore_errors=True)
    (folder / "state").symlink_to("/etc")
    return "agents", "state it is no folder"


def folder_that_is_gone(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    shutil.rmtree(folder)
    return "agents", folder.name


def page_of_the_registry(project: ProjectUnderTest, folder: Path) -> tuple[str, str]:
    file = project.root / "workspace" / "registry.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'cycles'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as data:
        data.seek((page - 1) * size)
        data.write(b"\xff" * 64)
    return "registry", "registry.sqlite"


Alteration = Callable[[ProjectUnderTest, Path], tuple[str, str]]
ALTERATIONS: list[Alteration] = [
    mode_of_the_key,
    byte_of_the_key,
    lost_key,
    kernel_of_the_template,
    binary,
    index,
    source,
    stranger_among_the_sources,
    kernel_of_an_agent,
    wiring_of_an_agent,
    manifest_of_an_agent,
    stranger_in_a_folder,
    genome_that_is_none,
    genome_of_another_generation,
    folder_that_is_a_link,
    state_that_is_a_link,
    folder_that_is_gone,
    page_of_the_registry,
]


@pytest.mark.parametrize("alter", ALTERATIONS, ids=lambda alter: alter.__name__)
def test_what_was_altered_is_found(alter: Alteration, own: ProjectUnderTest) -> None:
    folder = min((own.root / "agents").iterdir())
    kind, reason = alter(own, folder)
    found = rows(own, 1)
    assert found[kind]["problems"], kind
    told = " ".join(f"{p['where']} {p['what']}" for p in found[kind]["problems"])
    assert reason in told
    assert all(problem["where"] and problem["what"] for problem in found[kind]["problems"])
    if kind == "agents":
        assert len(found[kind]["problems"]) == 1


def test_what_was_altered_is_told_in_words_that_no_terminal_obeys(own: ProjectUnderTest) -> None:
    folder = min((own.root / "agents").iterdir())
    (folder / "\x1b[2Jbuild.rs").touch()
    shown = own.evolve("verify", code=1).out
    assert "NO  agents" in shown and "ok  registry" in shown
    assert rf"     {folder}: \x1b[2Jbuild.rs: a file that does not belong here" in shown
    assert "\x1b" not in shown
