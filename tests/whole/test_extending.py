"""Each example of docs/extending.md is complete: it runs, and does what it says."""

import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import tomlkit
from commands import evolve
from project_support import ProjectUnderTest

from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.genome import decode

PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text()
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```\n\n```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
)
LANGUAGE = re.findall(r"^```python\n(# lab_language.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
SHORT = EXAMPLES[-1][1]
LONGEST = 40  # lines, but for blank ones


def overrides(toml: str) -> list[str]:
    words: list[str] = []
    for family, chosen in tomllib.loads(toml).items():
        words += ["--set", f"{family} = {inline(chosen)}"]
    return words


def inline(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return tomlkit.item(value).as_string()


def by_age(project: ProjectUnderTest) -> None:
    assert project.status()["deaths"].keys() == {"age"}
    assert project.status()["population"]["born"] > 0


def of_a_sine(project: ProjectUnderTest) -> None:
    assert all(0 < agent["fitness"] <= 1 for agent in project.agents() if agent["pid"])


def are_clones(project: ProjectUnderTest) -> None:
    births = project.events("birth")
    assert births
    assert {tuple(birth["operators"]) for birth in births} == {("clone", "trait")}
    assert {len(birth["parents"]) for birth in births} == {1}


def in_threads(project: ProjectUnderTest) -> None:
    assert project.status()["cycle"] == 4


def are_told(project: ProjectUnderTest) -> None:
    deaths = project.status()["deaths"]
    told = (project.root / "obituaries.txt").read_text().splitlines()
    assert told == [f"{cause} {count}" for cause, count in sorted(deaths.items())]
    assert told


def are_short(project: ProjectUnderTest) -> None:
    """Who has a long file is set aside, and is well again when the rule allows it."""
    assert project.status()["population"]["quarantined"] == 0
    agent = project.agents()[0]["id"]
    genome = decode((project.folder(agent) / "genome.bin").read_bytes())
    path = project.folder(agent) / next(gene.path for gene in genome.active_files())
    path.write_text(path.read_text() + "\n" * 150)
    project.live(1, *overrides(SHORT))
    row = next(row for row in project.agents() if row["id"] == agent)
    assert (row["state"], row["cause"]) == ("quarantined", "audit")
    project.live(1, *overrides(SHORT.replace("150", "500")))
    row = next(row for row in project.agents() if row["id"] == agent)
    assert row["state"] != "quarantined"


DOES: dict[str, Callable[[ProjectUnderTest], None]] = {
    "lab_selection.py": by_age,
    "lab_world.py": of_a_sine,
    "lab_variation.py": are_clones,
    "lab_executor.py": in_threads,
    "lab_sink.py": are_told,
    "lab_substrate.py": are_short,
}


def test_every_family_has_an_example() -> None:
    assert [code.split("\n")[0].removeprefix("# ") for code, _ in EXAMPLES] == list(DOES)
    assert len(EXAMPLES) == len(OPTIONS), "others are chosen by no table of evolve.toml"
    for code in (LANGUAGE, *(code for code, _ in EXAMPLES)):
        assert sum(1 for line in code.splitlines() if line.strip()) <= LONGEST


@pytest.mark.parametrize("there", [False, True])
def test_language_of_a_package_is_listed_with_its_toolchain(tmp_path: Path, there: bool) -> None:
    (tmp_path / "lab_language.py").write_text(LANGUAGE)
    facts = tmp_path / "lab-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[evolve_ai.languages]\nlua = lab_language:Lua\n")
    tools = tmp_path / "bin"
    tools.mkdir()
    if there:
        (tools / "lua").write_text("#!/bin/sh\necho Lua 5.4.6\n")
        (tools / "lua").chmod(0o755)
    python = {"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])}
    evolve("new", tmp_path / "project")
    at = ("--project", tmp_path / "project")
    done = evolve("plugins", "language", *at, env={**os.environ, **python, "PATH": str(tools)})
    assert "lua (lab 1.0): Files of .lua, run by an interpreter." in done.out
    missing = "missing: there is no `lua` on the PATH; install the interpreter lua5.4"
    assert ("Lua 5.4.6" if there else missing) in done.out
    rust = done.out.partition("    rust: ")[2].splitlines()[1].strip()
    assert rust.startswith(("rustc ", "missing: `"))


@pytest.mark.parametrize("example", EXAMPLES, ids=DOES)
def test_example_runs(
    example: tuple[str, str], project: ProjectUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, toml = example
    name = code.split("\n")[0].removeprefix("# ")
    (project.root / name).write_text(code)
    words = overrides(toml)
    project.live(4, *words, "--set", "economy.age_limit=12")
    DOES[name](project)
    listed = project.evolve("plugins", "--json", *words).json
    chosen = [m["name"] for family in listed for m in family["members"] if m["chosen"]]
    assert f"{name.removesuffix('.py')}:" in " ".join(chosen)


@pytest.mark.parametrize("example", EXAMPLES, ids=DOES)
def test_option_that_an_example_does_not_know_is_refused_with_the_nearest(
    example: tuple[str, str], project: ProjectUnderTest
) -> None:
    code, toml = example
    (project.root / code.split("\n")[0].removeprefix("# ")).write_text(code)
    *_, option = re.findall(r"^(\w+) =", toml, re.MULTILINE)
    wrong = toml.replace(f"{option} =", f"{option}s =")
    done = project.live(1, *overrides(wrong), code=2)
    assert f"{option}s is unknown; did you mean {option}?" in done.err
    assert project.status()["cycle"] == 0
