"""The settings of a task, and the page that documents them."""

import os
import re
from pathlib import Path

import pytest

from evolve_ai.model import task_reference
from evolve_ai.model.errors import SettingsError, TaskError
from evolve_ai.system import settings_file
from evolve_ai.system.task_file import load_task, parse_task

PAGE = Path(__file__).parents[3] / "docs" / "tasks.md"
LEAST = '[program]\nfiles = ["a.py"]\n[evaluate]\npython = "e.py:f"\n'


def documented() -> set[tuple[str, ...]]:
    """(table, member, key, default, unit, allowed, meaning)"""
    found, table = set(), ""
    for line in PAGE.read_text().splitlines():
        heading = re.match(r"### `\[+(\w+)\]+`", line)
        if heading:
            table = heading[1]
        elif table and line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            member = cells.pop(0).strip("`") if table == task_reference.PROPOSERS else ""
            found.add((table, member, cells[0].strip("`"), *cells[1:]))
    return found


def test_page_and_models_agree_on_every_key() -> None:
    expected = {
        (
            table.table,
            key.member,
            key.key,
            f"`{key.default}`" if key.default else "–",
            key.unit or "–",
            key.allowed or key.kind,
            key.meaning,
        )
        for table in task_reference.tables()
        if table.table != task_reference.ARCHIVE  # docs/archives.md
        for key in table.keys
        if not (key.key == "name" and table.table == task_reference.PROPOSERS)
    }
    assert documented() == expected


MISTAKES = {
    '[program]\nfile = ["a"]\n': "line 2: program.file is unknown; did you mean program.files?",
    '[program]\nfiles = ["/a"]\n[evaluate]\npython = "e.py:f"\n': "must be a relative path",
    '[program]\nfiles = ["a/../b"]\n[evaluate]\npython = "e.py:f"\n': "must not have empty parts",
    '[program]\nfiles = ["a.py"]\n[evaluate]\n': "needs either `command` or `python`",
    LEAST + "stages = ['a', 'b']\n": "needs a threshold for each stage but the last",
    '[program]\nfiles = []\n[evaluate]\npython = "e.py:f"\n': "program has no `files`",
    LEAST + "stages = ['a', 'a']\nthresholds = [1.0]\n": "has a stage twice",
    LEAST + "stages = ['']\n": "it must be a name",
    LEAST + f"seeds = [-1, {2**63}]\n": "evaluate.seeds[1] is 9223372036854775808; it must fit in",
    LEAST + f"[holdout]\nseeds = [{-(2**63) - 1}]\n": "it must fit in 64 bits",
    LEAST + "environment = ['PATH', 'A=B']\n": 'environment[1] is "A=B"; it must be the name',
    LEAST + "environment = ['']\n": "it must be the name of a variable",
    LEAST + "seeds = []\n": "needs at least one seed",
    LEAST + "[archve]\nname = 'top'\n": "archve is unknown; did you mean archive?",
    LEAST + "[limits]\nseconds = 'x'\n": "must be a number in 0.01..604800",
    LEAST + "[score]\ngoal = ['a', 'b']\nmaximize = [true]\n": "needs one answer, or one for each",
    LEAST + "[[proposers]]\nname = 'syntax'\nedits = 0\n": "proposers[0].edits is 0; it must be",
    LEAST
    + "[[proposers]]\nname = 'sintax'\n": "has the name 'sintax'; there are syntax, constants",
    LEAST
    + "[archive]\nname = 'top'\nsiz = 3\n": "archive.siz is unknown; did you mean archive.size",
    "[program\n": "not TOML",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_are_named_with_what_was_meant(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_task(text)
    assert MISTAKES[text] in str(caught.value)


def test_command_line_overrides_the_file() -> None:
    task = parse_task(LEAST, "task.toml", ["search.window=3", "archive.name=islands"])
    assert task.search.window == 3
    assert task.archive.name == "islands"


def test_pipes_are_no_settings_and_are_not_waited_for(tmp_path: Path) -> None:
    for name in ("task.toml", "evolve.toml"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(TaskError, match="no regular file"):
        load_task(tmp_path)
    with pytest.raises(SettingsError, match="no regular file"):
        settings_file.load_settings(tmp_path / "evolve.toml")


def test_every_number_has_bounds() -> None:
    tables = [*task_reference._TABLES.values()]
    tables += [one for each in task_reference.MEMBERS.values() for one in each.values()]
    for table in tables:
        for key, info in table.model_fields.items():
            if info.annotation in (int, float):
                bounds = {
                    name for one in info.metadata for name in ("ge", "le") if hasattr(one, name)
                }
                assert bounds == {"ge", "le"}, f"{table.__name__}.{key}"
