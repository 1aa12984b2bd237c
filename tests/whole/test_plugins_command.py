"""`evolve plugins`: what can be chosen, with options, wherever it comes from."""

import sys
from pathlib import Path

import pytest
from commands import evolve
from project_support import ProjectUnderTest

from evolve_ai.model.family_settings import FAMILIES

PACKAGE = """
from pydantic import BaseModel, Field


class Lucky:
    \"\"\"Whoever is lucky breeds.\"\"\"

    class Options(BaseModel):
        luck: float = Field(0.5, description="of a day")
"""


def test_every_family_and_member_is_listed_with_its_options(tmp_path: Path) -> None:
    found = evolve("plugins", "--json", "--project", tmp_path).json
    assert [family["family"] for family in found] == list(FAMILIES)
    for family in found:
        members = {member["name"]: member for member in family["members"]}
        assert members.keys() == FAMILIES[family["family"]].keys()
        for name, member in members.items():
            known = set(FAMILIES[family["family"]][name].model_fields) - {"name"}
            assert {option["key"] for option in member["options"]} == known
            assert member["source"] == "built in"
            assert member["about"]
            assert not member["chosen"]
            assert all(option["meaning"] for option in member["options"])


def test_chosen_members_are_marked_and_own_ones_listed(project: ProjectUnderTest) -> None:
    words = ("--set", "selection={name='tournament', size=5}", "--set", "environment=mine:World")
    found = project.evolve("plugins", "--json", *words).json
    chosen = {
        family["family"]: [member["name"] for member in family["members"] if member["chosen"]]
        for family in found
    }
    assert chosen["selection"] == ["tournament"]
    assert chosen["environment"] == ["mine:World"]
    assert chosen["sinks"] == []
    shown = project.evolve("plugins", "selection", *words).out
    assert "  * tournament: Small random groups" in shown
    assert "size = 3  # agents in a tournament (1..1000, agents)" in shown
    assert "[environment]" not in shown


def test_unknown_family_is_refused_with_those_there_are(project: ProjectUnderTest) -> None:
    done = project.evolve("plugins", "selections", code=2)
    assert "'selections' is no family of plug-ins" in done.err
    assert "environment, selection, variation" in done.err


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """A package that offers two members, one of them broken."""
    (tmp_path / "lucky_lab.py").write_text(PACKAGE)
    facts = tmp_path / "lucky_lab-2.1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: lucky-lab\nVersion: 2.1\n")
    (facts / "entry_points.txt").write_text(
        "[evolve_ai.selection]\nlucky = lucky_lab:Lucky\nbroken = no_such_module:X\n"
    )
    return {"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])}


def test_members_of_packages_are_listed_with_where_they_are_from(
    installed: dict[str, str], tmp_path: Path
) -> None:
    done = evolve("plugins", "selection", "--json", "--project", tmp_path, env=installed)
    members = {member["name"]: member for member in done.json[0]["members"]}
    lucky, broken = members["lucky"], members["broken"]
    assert (lucky["source"], lucky["about"]) == ("lucky-lab 2.1", "Whoever is lucky breeds.")
    assert [option["key"] for option in lucky["options"]] == ["luck"]
    assert lucky["options"][0]["meaning"] == "of a day"
    assert "cannot be imported" in broken["about"]
