"""Wrong arguments of evolve_ai.improve: each is told in a sentence, before anything is made."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

import evolve_ai
from evolve_ai.model.errors import EvolveError, UsageError

PROGRAM = "def f():\n    return 1\n"


def evaluate(path: str) -> float:
    return 1.0


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"candidates": 0}, "give candidates="),
    ({"seconds": float("nan")}, "`seconds` is nan"),
    ({"seconds": float("inf")}, "`seconds` is inf"),
    ({"seconds": -1}, "pass a number in 0.."),
    ({"candidates": -1}, "pass a whole number in 0.."),
    ({"candidates": "10"}, "`candidates` is '10'"),
    ({"candidates": True}, "`candidates` is True"),
    ({"slots": -1}, "`slots` is -1"),
    ({"seed": "a"}, "search.seed is"),
    ({"evaluate": 3}, "pass a function that gets the path"),
    ({"progress": 3}, "`progress` is 3"),
    ({"project": ""}, "pass the path of a folder"),
    ({"program": PROGRAM.encode()}, "pass source text"),
    ({"program": "a\0b"}, "neither path nor text"),
    ({"program": ""}, "source text with a line break"),
    ({"program": "# \ud800\nx = 1\n"}, "line 1 has '\\ud800'"),
    ({"program": "\ud800"}, "source text needs a line break"),
    ({"program": "def f(:"}, "source text needs a line break"),
    ({"program": {}}, "the program has no files"),
    ({"program": {"a.py": 3}}, "a.py: is 3"),
    ({"program": {3: PROGRAM}}, "3 is no path"),
    ({"program": {"../a.py": PROGRAM}}, "must not have empty parts"),
    ({"maximize": False}, "did you mean score={'maximize': False}?"),
    ({"seeds": [1]}, "did you mean evaluation={'seeds': [1]}?"),
    ({"wrong": 1}, "there are evaluation, score"),
    ({"limits": 5}, "limits is 5; it must be a map"),
    ({"evaluation": 5}, "evaluation is 5; it must be a map"),
]


@pytest.mark.parametrize(("wrong", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_argument_is_told(
    wrong: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = {"program": PROGRAM, "evaluate": evaluate, "candidates": 1, **wrong}
    with pytest.raises(UsageError) as refused:
        evolve_ai.improve(**said)
    assert words in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_pipe_is_no_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "program.py")
    with pytest.raises(UsageError, match="cannot be read"):
        evolve_ai.improve(tmp_path / "program.py", evaluate, candidates=1)


def test_remedies_name_arguments_and_not_options(tmp_path: Path) -> None:
    (tmp_path / "evolve.toml").touch()
    with pytest.raises(UsageError, match="project=DIR") as refused:
        evolve_ai.improve(PROGRAM, evaluate, candidates=1, project=tmp_path)
    assert "--project" not in str(refused.value)
    with pytest.raises(EvolveError, match=r"evaluate\(path\)"):
        evolve_ai.improve(PROGRAM, lambda path: None, candidates=1)
