"""What a command brings into memory: the table answers for help and completion, no command does."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from commands import EVOLVE, evolve
from project_support import ProjectUnderTest

from evolve_ai.cli import evolve as group
from evolve_ai.cli.table import COMMANDS

# What takes long to import, and what a command that looks has no use for.
HEAVY = {
    "asyncio",
    "concurrent",
    "cryptography",
    "ctypes",
    "decimal",
    "fractions",
    "http",
    "importlib_metadata",
    "inotify_simple",
    "msgpack",
    "msgspec",
    "multiprocessing",
    "numpy",
    "packaging",
    "pydantic",
    "pydantic_core",
    "rich",
    "secrets",
    "ssl",
    "statistics",
    "structlog",
    "tomlkit",
    "tree_sitter",
    "zstandard",
}
HANDLES_PROCESSES = {"psutil", "socket", "subprocess"}
OURS_OF_LOOKING = {"cli", "colony", "inspection", "model", "session", "state", "system", "ui"}
SPY = """
import atexit, os, sys
end = os._exit
def tell():
    with open({told!r}, "w") as told:
        told.write("\\n".join(sorted(sys.modules)))
atexit.register(tell)
os._exit = lambda code: (tell(), end(code))
sys.argv = ["evolve", *{words!r}]
from evolve_ai.__main__ import main
main()
"""


def imported(tmp_path: Path, *words: object) -> set[str]:
    """The modules that are there when `evolve` ends, which it must do well."""
    told = tmp_path / "modules"
    code = SPY.format(told=str(told), words=[str(word) for word in words])
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
    return set(told.read_text().splitlines())


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def rooms(modules: set[str]) -> set[str]:
    return {name.split(".")[1] for name in modules if name.startswith("evolve_ai.")} - {"__main__"}


def test_version_is_told_without_the_command_line(tmp_path: Path) -> None:
    modules = imported(tmp_path, "--version")
    assert rooms(modules) == set()
    assert "click" not in modules


def test_version_is_the_same_wherever_it_is_asked_for() -> None:
    told = subprocess.run([*EVOLVE, "--version"], check=True, capture_output=True, text=True).stdout
    assert CliRunner().invoke(group, ["--version"], prog_name="evolve").output == told


def test_help_loads_no_command(tmp_path: Path) -> None:
    modules = imported(tmp_path, "--help")
    assert rooms(modules) == {"cli", "model", "ui"}
    assert not roots(modules) & HEAVY
    entries = [entry for section in COMMANDS.values() for entry in section.values()]
    assert not modules & {f"evolve_ai.cli.{entry.place.partition(':')[0]}" for entry in entries}


LOOKING = (["status"], ["status", "--json"], ["agents"], ["agents", "--all", "--json"])


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_commands_that_look_load_what_they_need(
    words: list[str], project: ProjectUnderTest, tmp_path: Path
) -> None:
    project.evolve(words[0])  # the settings are checked, and this is remembered
    modules = imported(tmp_path, *words, "--project", project.root)
    assert not roots(modules) & (HEAVY | HANDLES_PROCESSES)
    assert rooms(modules) == OURS_OF_LOOKING
    assert "evolve_ai.model.settings" not in modules


@pytest.mark.parametrize("words", LOOKING, ids=" ".join)
def test_commands_that_look_load_nothing_that_writes_the_registry(
    words: list[str], project: ProjectUnderTest, tmp_path: Path
) -> None:
    project.evolve(words[0])
    modules = imported(tmp_path, *words, "--project", project.root)
    room = {name.rpartition(".")[2] for name in modules if name.startswith("evolve_ai.state.")}
    assert room == {
        "open_reader",
        "opening",
        "reader",
        "rows",
        "schema",
        "standing",
        "traces",
        "views",
    }


def test_logs_and_stop_check_no_settings(project: ProjectUnderTest, tmp_path: Path) -> None:
    modules = imported(tmp_path, "stop", "--project", project.root)
    assert not roots(modules) & HEAVY
    assert "evolve_ai.plugins" not in modules


def test_settings_that_changed_are_checked_again(project: ProjectUnderTest) -> None:
    assert project.evolve("status").code == 0
    settings = project.root / "evolve.toml"
    before = settings.read_text()
    settings.write_text(f"no_such_key = 1\n{before}")
    assert "no_such_key is unknown" in project.evolve("status", code=2).err
    settings.write_text(before)
    assert "status is none" not in project.evolve("status").err
    assert "no_such_key" in project.evolve("status", "--set", "no_such_key=1", code=2).err


# The table.


def entries() -> dict[str, str]:
    return {name: entry.help for section in COMMANDS.values() for name, entry in section.items()}


@pytest.mark.parametrize("name", entries())
def test_entry_leads_to_a_command_that_tells_of_itself(name: str) -> None:
    command = group.get_command(click.Context(group), name)
    assert isinstance(command, click.Command)
    assert command.name in (name, name.replace("-", "_"))
    assert command.help


def test_help_groups_the_commands_and_gives_each_a_line() -> None:
    done = evolve("--help")
    lines = done.out.splitlines()
    titles = [line.removesuffix(":") for line in lines if line.endswith(":") and line[0] != " "]
    sections = ["Project", "Population", "Code evolution", "Looking", "Operating"]
    assert titles == ["Options", *sections]
    for name, told in entries().items():
        assert [line for line in lines if line.split()[:1] == [name] and line.endswith(told)], name
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("statsu", "status"), ("lifecycle", "life-cycle"), ("agent", "agents"), ("reviv", "revive")],
)
def test_unknown_command_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    done = evolve(typed)
    assert done.code == 2
    assert f"No such command '{typed}'" in done.err
    assert meant in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_gets_a_script_for_completion(shell: str) -> None:
    done = evolve(env={**os.environ, "_EVOLVE_COMPLETE": f"{shell}_source"})
    assert done.code == 0
    assert f"_EVOLVE_COMPLETE={shell}_complete" in done.out.replace(" ", "")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (["evolve", "st"], {"stop", "status"}),
        (["evolve", "life-cycle", "--cyc"], {"--cycles"}),
        (["evolve", "--ver"], {"--version"}),
    ],
)
def test_shell_completes_commands_and_options(typed: list[str], found: set[str]) -> None:
    asked = {"COMP_WORDS": " ".join(typed), "COMP_CWORD": str(len(typed) - 1)}
    done = evolve(env={**os.environ, **asked, "_EVOLVE_COMPLETE": "bash_complete"})
    assert {line.partition(",")[2] for line in done.out.splitlines()} == found
