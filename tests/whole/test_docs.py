"""What the documents say is so: their examples run, their tables are whole."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from project_support import ProjectUnderTest

from evolve_ai.model.event import Kind
from evolve_ai.model.genome import decode
from evolve_ai.substrates.rust.policy import POLICY

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "benchmarks", "examples/*")
PAGES = sorted(page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md"))
COMMON = {"seq", "ts", "run", "cycle", "event", "agent"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples_run(page: Path) -> None:
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_selection_example_of_the_page_breeds(project: ProjectUnderTest) -> None:
    (example,) = blocks(ROOT / "docs" / "environments.md", "python")
    (project.root / "my_selection.py").write_text(example)
    project.live(3, "--selection", "my_selection:the_old_make_room")
    assert project.status()["deaths"].keys() <= {"age"}


def test_the_one_liner_of_the_genome_page_flips_a_function(project: ProjectUnderTest) -> None:
    (block,) = blocks(ROOT / "docs" / "genome.md", "sh")
    agent = project.agents()[0]["id"]
    folder = project.folder(agent)
    before = decode((folder / "genome.bin").read_bytes())
    words = shlex.split(block.replace("agents/<uuid>", str(folder)))
    subprocess.run([sys.executable, *words[1:]], check=True)
    after = decode((folder / "genome.bin").read_bytes())
    assert after.files[0].active
    assert after.files[0].functions[0][1] is not before.files[0].functions[0][1]
    assert after.files[0].functions[1:] == before.files[0].functions[1:]


def documented() -> dict[str, set[str]]:
    """Kind of event -> the fields that the page tells of."""
    page = (ROOT / "docs" / "events.md").read_text().split("and, by kind:")[1]
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    return {kind: set(re.findall(r"`(\w+)`", text)) for kind, text in rows}


def test_every_kind_of_event_is_documented() -> None:
    assert documented().keys() == {str(kind) for kind in Kind}


def test_every_field_of_an_event_is_documented(project: ProjectUnderTest) -> None:
    project.set(mutation_rate=1.0)
    project.gene("fails", "use crate::kernel::Agent;\n\npub fn fails(agent: &mut Agent) { 1 }\n")
    project.break_gene(project.agents()[0]["id"])
    project.live(4)
    told = documented()
    events = project.events()
    assert {event["event"] for event in events} >= {
        "founding", "start", "build", "cycle", "command", "quarantine"
    }  # fmt: skip
    for event in events:
        unknown = event.keys() - COMMON - told[event["event"]]
        assert not unknown, f"{event['event']}: {unknown} in {json.dumps(event)}"


def test_commands_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text()
    shown = set(re.findall(r"^ +(?:\.venv/bin/)?evolve ([a-z-]+)", text, re.MULTILINE))
    helped = subprocess.run(
        [sys.executable, "-m", "evolve_ai", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = set(re.findall(r"^  ([a-z-]+) ", helped, re.MULTILINE))
    assert shown
    assert shown <= known


def test_the_genes_page_tells_the_policy_of_the_audit() -> None:
    page = (ROOT / "docs" / "genes.md").read_text()
    quoted = " ".join(line[2:] for line in page.splitlines() if line.startswith("> "))
    assert quoted == " ".join(POLICY.splitlines()[:-1])


def test_the_genes_page_names_all_that_a_gene_can_call() -> None:
    kernel = (ROOT / "agent_template" / "src" / "kernel" / "agent.rs").read_text()
    known = set(re.findall(r"^    pub fn (\w+)\(&", kernel, re.MULTILINE))
    page = (ROOT / "docs" / "genes.md").read_text()
    assert known == set(re.findall(r"`(\w+)\([^`]*\)`", page)) - {"name"}


def test_the_gene_of_the_page_is_accepted(unfounded: ProjectUnderTest) -> None:
    (example,) = blocks(ROOT / "docs" / "genes.md", "rust")
    unfounded.gene("hopes", example)
    unfounded.set(file_active=1.0, function_active=1.0)
    unfounded.evolve("init", 2)
    unfounded.live(1)
    assert unfounded.status()["builds"]["failed"] == 0


def promises() -> list[tuple[str, str]]:
    """What the page on security promises, and the test that it names for that."""
    page = (ROOT / "docs" / "security.md").read_text()
    tables = re.findall(r"^\| promise \| by what \| test \|\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = [line.strip("|\n ").split(" | ") for table in tables for line in table.splitlines()[1:]]
    assert len(rows) > 20
    return [(promise, test) for promise, _, test in rows]


@pytest.mark.parametrize(("promise", "test"), promises())
def test_every_promise_of_security_names_a_test(promise: str, test: str) -> None:
    found = re.fullmatch(r"`(\w+)::(\w+)`", test)
    assert found, f"{promise}: {test!r} names no test"
    [file] = (ROOT / "tests").rglob(f"{found[1]}.py")
    assert re.search(rf"^def {found[2]}\(", file.read_text(), re.MULTILINE), test


def test_names_in_the_design_are_there() -> None:
    """Files, and what is written like a name of the code."""
    design = (ROOT / "DESIGN.md").read_text()
    sources = [
        path
        for folder in ("evolve_ai", "agent_template", "tests", "docs", "benchmarks")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".rs", ".md", ".toml") and "target" not in path.parts
    ] + [ROOT / "hatch_build.py"]
    paths = [str(path.relative_to(ROOT)) for path in sources]
    words = set(re.findall(r"\w+", "\n".join(path.read_text(errors="replace") for path in sources)))
    for name in sorted(set(re.findall(r"`([A-Za-z_][\w./]*)(?:\(\))?`", design))):
        if re.search(r"\.(py|rs|md)$", name):
            assert any(path.endswith(f"/{name}") or path == name for path in paths), name
        elif name.endswith("/"):
            assert any(f"/{name}" in f"/{path}" for path in paths), name
        elif "/" not in name and re.search(r"[A-Z_.]", name):  # others lie in a project
            assert set(name.split(".")) <= words, name
