"""Paths that a build can be made in, and those that are refused before anything is written."""

import os
from pathlib import Path

import pytest
from commands import evolve

from evolve_ai.model.errors import UsageError
from evolve_ai.system.paths import LONGEST, check_path

PLAIN = [
    "a b",
    "it's",
    'say "x"',
    "#1",
    "a=b",
    "$HOME",
    "back\\slash",
    "a,b",
    "-rf",
    "é☃",
    "[a](b)*?",
]


@pytest.mark.parametrize("name", PLAIN)
def test_what_tools_understand_is_accepted(tmp_path: Path, name: str) -> None:
    check_path(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    ["a:b", "50%", "two\nlines", "a\tb", "a\x01b", "a\x7fb", "nel\x85", "x\u2028y", "x\u00a0y"],
)
def test_what_they_take_for_something_else_is_refused_by_new_and_nothing_is_made(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="no program can be built in a path with"):
        check_path(tmp_path / name)
    done = evolve("new", tmp_path / name)
    assert done.code == 2
    assert "choose another name" in done.err
    assert len(done.err.splitlines()) == 2, "a name does not pass for lines of ours"
    assert list(tmp_path.iterdir()) == []


def test_link_into_such_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a:b")
    with pytest.raises(UsageError, match="':'"):
        check_path(tmp_path / "link")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "workspace").symlink_to(tmp_path / "a:b")
    with pytest.raises(UsageError, match="':'"):
        check_path(tmp_path / "project")


def test_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    with pytest.raises(UsageError, match="not UTF-8") as refused:
        check_path(tmp_path / name)
    assert "caf" in str(refused.value)


def test_path_that_leaves_too_little_of_what_a_path_may_be_is_refused(tmp_path: Path) -> None:
    folder = tmp_path
    while len(os.fsencode(folder)) < LONGEST + 20:
        folder /= "x" * 200
    with pytest.raises(UsageError, match=f"and may have {LONGEST}"):
        check_path(folder)
    check_path(folder.parent)
