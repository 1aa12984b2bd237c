"""An archive of the user's own: the example of docs/archives.md, and what is refused."""

import random
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive_support import entry, random_entries, told, written
from made_once import ROOT

from evolve_ai.contracts.archive import Archive
from evolve_ai.guards.archive import archive_guard, guarded_archive
from evolve_ai.model.archive_settings import CvtOptions, TopOptions
from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.errors import PluginError, SettingsError, ToolchainError
from evolve_ai.model.task_settings import Task
from evolve_ai.plugins import archive_of
from evolve_ai.system import plugin_output

PAGE = (ROOT / "docs" / "archives.md").read_text()
CODE, TOML = re.findall(r"^```(?:python|toml)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PLAIN: dict[str, Any] = {"program": {"files": ["a.py"]}, "evaluate": {"python": "evaluate.py:f"}}


def task(**tables: Any) -> Task:
    return Task.model_validate(PLAIN | tables)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("evolve_ai.plugins.divert", lambda logs: None)
    (tmp_path / "lab_archive.py").write_text(CODE)
    yield tmp_path
    sys.modules.pop("lab_archive", None)


def made(folder: Path, **changes: Any) -> Archive:
    table = tomllib.loads(TOML)["archive"] | changes
    return archive_of(task(archive=table), folder, folder)


def test_example_of_the_page_works_and_is_restored(folder: Path) -> None:
    first, second = made(folder), made(folder)
    entries = random_entries(60, random.Random(2))
    told(first, entries[:40])
    second.restore(written(first.state()))
    assert told(first, entries[40:]) == told(second, entries[40:])
    assert 20 <= len(first.members()) <= 21
    assert (first.name, first.uses_shape) == ("lab_archive:Recent", False)


def test_unknown_option_and_unknown_name_are_refused_with_the_file(folder: Path) -> None:
    with pytest.raises(SettingsError, match="sizes is unknown; did you mean size") as error:
        made(folder, sizes=3)
    assert error.value.where == str(folder / "task.toml")
    with pytest.raises(PluginError, match="'tops' is none of the archives: cvt, fun"):
        archive_of(task(archive="tops"), folder, folder)


def test_features_of_the_score_are_the_axes_unless_the_archive_names_some(folder: Path) -> None:
    axes = {"score": {"features": ["depth"]}, "archive": "map_elites"}
    archive = archive_of(task(**axes), folder, folder)
    archive.tell(entry(0, features={"depth": 1.0, "size": 1.0}))
    archive.tell(entry(1, features={"depth": 9.0, "size": 1.0}))
    assert len(archive.members()) == 2
    named = axes | {"archive": {"name": "map_elites", "features": ["size"]}}
    archive = archive_of(task(**named), folder, folder)
    archive.tell(entry(0, features={"depth": 1.0, "size": 1.0}))
    archive.tell(entry(1, features={"depth": 9.0, "size": 1.0}))
    assert archive.members() == (1,)


def test_without_pyribs_its_archives_say_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ribs.archives", None)
    for name in ("map_elites", "cvt"):
        with pytest.raises(ToolchainError, match=f"archive '{name}' needs the package ribs") as no:
            archive_of(task(archive=name), folder, folder)
        assert "pip install 'evolve-ai[archives]'" in str(no.value)
        assert no.value.exit_code == 4


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ({"features": ["a", "b"], "cells": [3]}, "cells has 1 numbers for 2 features"),
        ({"features": ["a"], "cells": [0]}, "0 cells are not from 1"),
        ({"features": list("abcdefg")}, "cells are not from 1 to 1000000"),
        ({"features": ["a", "b"], "ranges": [[0, 1]]}, "ranges has 1 pairs for 2 features"),
        ({"features": ["a"], "ranges": [[1, 1]]}, "the range of a, 1 to 1"),
    ],
)
def test_axes_that_do_not_suit_the_features_are_refused(
    folder: Path, table: dict[str, Any], what: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(what)):
        archive_of(task(archive={"name": "map_elites", **table}), folder, folder)


def test_task_takes_a_name_alone_a_table_and_nothing() -> None:
    assert task().archive == TopOptions()
    assert task(archive="top").archive == TopOptions()
    assert task(archive={"name": "cvt", "cells": 9}).archive == CvtOptions(cells=9)
    with pytest.raises(ValueError, match="sizes"):
        task(archive={"name": "top", "sizes": 9})


RIGHT: dict[str, Any] = {
    "ask": Choice((0,)),
    "tell": Placement(True),
    "members": (0, 1),
    "stir": "",
    "state": {},
    "restore": None,
}


class Odd:
    """An archive of which one answer is wrong."""

    def __init__(self, verb: str, answer: Any):
        self._wrong = {verb: answer}

    def __getattr__(self, verb: str) -> Any:
        if verb not in RIGHT:
            raise AttributeError(verb)
        answer = (RIGHT | self._wrong)[verb]
        return lambda *_: answer


@pytest.mark.parametrize(
    ("verb", "answer", "what"),
    [
        ("ask", None, "a Choice is needed"),
        ("ask", Choice(()), "named no parent"),
        ("ask", Choice((7,)), "named candidate 7, which is none of its members"),
        ("ask", Choice((0,), (8,)), "named candidate 8"),
        ("ask", Choice((0,), (), -1), "-1 as an island"),
        ("tell", True, "a Placement is needed"),
        ("tell", Placement(True, False, 3), "3 as a place"),  # type: ignore[arg-type]
        ("members", 5, "a sequence is needed"),
        ("members", (0.5,), "a whole number is needed"),
        ("stir", 4, "a text is needed"),
        ("state", {"x": {1, 2}}, "which JSON cannot hold"),
        ("state", {"x": float("nan")}, "which JSON cannot hold"),
        ("state", [1], "a mapping is needed"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_function(
    verb: str, answer: Any, what: str
) -> None:
    archive = guarded_archive(archive_guard("mine:Odd", Path("/nowhere")), Odd(verb, answer))
    asked: dict[str, Any] = {
        "ask": lambda: archive.ask(2, random.Random(1)),
        "tell": lambda: archive.tell(entry(0)),
        "members": archive.members,
        "stir": lambda: archive.stir(2, random.Random(1)),
        "state": archive.state,
    }
    with pytest.raises(PluginError, match=re.escape(what)) as error:
        asked[verb]()
    assert f"the archive 'mine:Odd': {verb}()" in error.value.what
    assert error.value.where == "/nowhere/task.toml"


def test_something_else_is_no_archive() -> None:
    with pytest.raises(PluginError, match=r"has no ask\(\)"):
        guarded_archive(archive_guard("mine:it", Path("/nowhere")), object())


def test_what_an_archive_prints_goes_to_the_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("evolve_ai.plugins.divert", asked.append)
    made(folder)
    assert asked == [folder]
    assert plugin_output.NAME == "plugins.log"
