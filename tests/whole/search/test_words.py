"""Messages about tasks and searches lead to the right place."""

from pathlib import Path

import pytest
from commands import evolve
from task_support import EVALUATE, PROGRAM, TASK, TaskUnderTest

IN_TASK = {
    "docs/tasks.md": "x = = 2",
    "write [[proposers]] above": f'{TASK}[proposers]\nname = "syntax"\n',
    "task.toml: 'klingon' is none of": TASK.replace("[evaluate]", 'language="klingon"\n[evaluate]'),
    "there is no program /none/python": TASK.replace(
        "[score]", 'interpreter = "/none/python"\n[score]'
    ),
}
OF_AGENTS = (["agents"], ["logs", "1"], ["verify"], ["build"], ["init", "2"], ["life-cycle"])


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> TaskUnderTest:
    task = TaskUnderTest(tmp_path_factory.mktemp("words") / "task")
    task.improve("--candidates", 3, "--slots", 1)
    return task


@pytest.mark.parametrize("words", IN_TASK)
def test_mistake_in_task_toml_leads_there(tmp_path: Path, words: str) -> None:
    task = TaskUnderTest(tmp_path / "task", EVALUATE, IN_TASK[words], PROGRAM)
    assert words in task.check(code=2).err


def test_link_in_a_circle_leads_nowhere(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    (task.root / "loop").symlink_to("loop")
    assert "a link leads nowhere, to loop\n  remove it" in task.check(code=2).err


@pytest.mark.parametrize("command", OF_AGENTS, ids=lambda words: words[0])
def test_command_about_agents_says_that_a_search_has_none(
    searched: TaskUnderTest, command: list[str]
) -> None:
    told = searched.search(*command, code=2).err
    assert "this is the project of a search: it has no agents" in told


def test_words_of_commands_about_a_search(searched: TaskUnderTest) -> None:
    assert (
        "no candidate has the number 999, or an id that begins so"
        in searched.search("show", 999, code=2).err
    )
    assert searched.search("stop").out == "no search runs here\n"
    program = searched.root / "program.py"
    told = searched.search("propose", program, "--as", "nope.py", code=2).err
    assert "'nope.py' is none of the files" in told
    assert "there are: program.py" in told
    assert "write KEY=VALUE: search.window=16" in searched.check("--set", "x", code=2).err


def test_task_is_not_taken_for_its_search(searched: TaskUnderTest) -> None:
    for command in ("status", "best"):
        done = evolve(command, "--project", searched.root)
        assert done.code == 3
        assert f"this is its task: --project {searched.project}" in done.err


def test_damaged_registry_names_the_command_that_mends_it(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    task.improve("--candidates", 2, "--slots", 1)
    registry = task.project / "workspace" / "registry.sqlite"
    registry.write_bytes(b"nothing" * 999)
    mends = f"evolve improve {task.root} puts the last good copy in its place"
    assert mends in task.search("status", code=1).err
    registry.unlink()
    assert mends in task.search("status", code=1).err


def test_project_is_no_folder_with_other_files(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    told = task.improve("--candidates", 2, "--project", task.root, code=2).err
    assert "has other files: evaluate.py\n  name a new or an empty folder" in told
    told = task.improve("--candidates", 2, "--project", "/dev/null/x", code=2).err
    assert "its path leads through a file" in told


def test_operators_commands_have_json(tmp_path: Path) -> None:
    task = TaskUnderTest(tmp_path / "task")
    task.improve("--candidates", 1, "--slots", 1)
    for command in ("pause", "resume"):
        told = task.search(command, "--json").json
        assert told == {"command": command, "left_to": None, "outcomes": []}
    assert task.search("stop", "--json").json == {"stopped": None, "agents": 0}
