"""A Python that was built without ssl: all works but a webhook with an https address."""

import os
from pathlib import Path

import pytest
from commands import evolve
from project_support import ProjectUnderTest

_BLIND = """
import sys

class Lacking:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Lacking())
"""
_WORDS = "a webhook has an https address, and this Python was built without ssl"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """For commands: no module of theirs can import ssl."""
    folder = tmp_path / "blind"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_BLIND)
    return {**os.environ, "PYTHONPATH": str(folder)}


def _post_to(project: ProjectUnderTest, url: str) -> None:
    with (project.root / "evolve.toml").open("a") as toml:
        toml.write(f'\n[[webhooks]]\nurl = "{url}"\nretries = 0\n')


@pytest.mark.parametrize(
    "words",
    [
        ("life-cycle", "--cycles", 1),
        ("exam",),
        ("build",),
        ("audit",),
        ("doctor",),
        ("verify",),
        ("status",),
        ("agents",),
        ("show", "$one"),
        ("logs", "$one"),
        ("init", 1),
        ("stop",),
    ],
    ids=str,
)
def test_every_command_works(
    calm: ProjectUnderTest, env: dict[str, str], words: tuple[object, ...]
) -> None:
    one = calm.agents()[0]["id"]
    said = calm.evolve(*(one if word == "$one" else word for word in words), env=env)
    assert "ssl" not in said.out + said.err


def test_project_is_made_and_agents_are_taken_in(
    calm: ProjectUnderTest, env: dict[str, str], tmp_path: Path
) -> None:
    assert evolve("new", tmp_path / "mine", env=env).code == 0
    done = evolve("import", calm.root / "agents", "--project", tmp_path / "mine", env=env)
    assert (done.code, "ssl" in done.err) == (0, False), done.err


def test_https_address_is_refused_before_a_run_and_told_by_doctor(
    calm: ProjectUnderTest, env: dict[str, str]
) -> None:
    _post_to(calm, "https://user:hidden@127.0.0.1:9/")
    said = calm.evolve("life-cycle", "--cycles", 1, code=2, env=env)
    assert f"evolve.toml: {_WORDS}" in said.err
    assert "post to a http address" in said.err
    assert "hidden" not in said.err
    assert calm.status()["cycle"] == 1
    assert _WORDS in calm.evolve("doctor", code=1, env=env).out
    calm.evolve("status", env=env)
    calm.evolve("stop", env=env)


def test_address_without_encryption_is_posted_to(
    calm: ProjectUnderTest, env: dict[str, str]
) -> None:
    _post_to(calm, "http://127.0.0.1:9/")
    said = calm.evolve("life-cycle", "--cycles", 1, env=env)
    assert "webhook 1:" in said.err, "nobody listens there: it was tried"
    assert "ssl" not in said.err
    assert calm.evolve("doctor", "--json", env=env).code == 0


def test_sound_python_is_asked_nothing(calm: ProjectUnderTest) -> None:
    _post_to(calm, "https://127.0.0.1:9/")
    calm.live(1)
