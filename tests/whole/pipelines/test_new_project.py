"""`evolve new`: a whole project or nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import EVOLVE

from evolve_ai.model import settings_reference
from evolve_ai.model.errors import StorageError, UsageError
from evolve_ai.model.family_settings import OPTIONS
from evolve_ai.model.settings import Settings
from evolve_ai.pipelines import new_project
from evolve_ai.pipelines.new_project import scaffold, settings_text, shipped_template
from evolve_ai.system.settings_file import load_settings, parse_settings

# Most founders of the default template are given both.
LIKELY = {"speak": 0.7, "listen": 0.7}
AS_THE_TEMPLATE_WANTS = Settings.model_validate({"variation": {"likely": LIKELY}})


def test_project_has_settings_template_and_folders(tmp_path: Path) -> None:
    project = tmp_path / "deep" / "demo"
    made = scaffold(project)
    assert load_settings(project / "evolve.toml") == AS_THE_TEMPLATE_WANTS
    assert (project / "logs").is_dir()
    assert (project / "workspace").is_dir()
    assert "/agents/" in (project / ".gitignore").read_text()
    assert Path("agent_template/Cargo.toml") in made
    assert all((project / path).exists() for path in made)
    assert [path.name for path in project.parent.iterdir()] == ["demo"]
    assert project.stat().st_mode & 0o777 == 0o755


def test_template_is_copied_without_builds_and_tests(tmp_path: Path) -> None:
    template = tmp_path / "template"
    for name in ("src/genes", "target/release", "tests"):
        (template / name).mkdir(parents=True)
    (template / "Cargo.toml").write_text('[package]\nname = "agent"\n')
    (template / "src/genes/one.rs").write_bytes(b"\xff\n")
    scaffold(tmp_path / "demo", template)
    copied = tmp_path / "demo" / "agent_template"
    assert sorted(path.name for path in copied.iterdir()) == ["Cargo.toml", "src"]
    assert (copied / "src/genes/one.rs").read_bytes() == b"\xff\n"


def test_template_comes_with_the_package() -> None:
    assert (shipped_template() / "src").is_dir()


def test_written_settings_are_the_defaults_and_explain_every_key() -> None:
    text = settings_text()
    assert parse_settings(text) == Settings()
    chosen = {"", *(next(iter(members)) for members in OPTIONS.values())}
    for key in settings_reference.every_key():
        if key.table != "sinks" and key.member in chosen:
            assert f"{key.key} = {key.default}" in text
            assert key.meaning in text


def test_examples_in_the_written_settings_are_valid() -> None:
    text = settings_text()
    for line in ('death = ["', '"*" = ["', "[[sinks]]", "url = ", "events = ["):
        assert f"# {line}" in text
        text = text.replace(f"# {line}", line)
    settings = parse_settings(text)
    assert len(settings.hooks) == 2
    assert len(settings.sinks) == 1


def test_empty_folder_is_taken_even_as_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    scaffold(Path())
    assert (folder / "evolve.toml").exists()


def test_folder_that_cannot_be_replaced_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mount"
    folder.mkdir()
    replace = Path.replace

    def busy(self: Path, target: Path) -> Path:
        if target == folder:
            raise OSError(16, "Device or resource busy")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    scaffold(folder)
    assert load_settings(folder / "evolve.toml") == AS_THE_TEMPLATE_WANTS
    assert [path.name for path in tmp_path.iterdir()] == ["mount"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("full", "holds 1 entries"), ("file", "is no folder"), ("project", "a project already")],
)
def test_what_is_there_is_left_alone(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "evolve.toml").touch()
    with pytest.raises(UsageError, match=words):
        scaffold(tmp_path / name)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"


def test_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(StorageError, match="full"):
        scaffold(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


def test_installation_without_template_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_project, "_PACKAGE", tmp_path / "lib" / "evolve_ai")
    with pytest.raises(new_project.TemplateError, match="install the package again"):
        scaffold(tmp_path / "demo")


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_files_are_ours_to_use_and_nobody_elses_to_write(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        words = [*EVOLVE, "new", str(tmp_path / "deep" / "project")]
        done = subprocess.run(words, capture_output=True, text=True)
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stderr
    for path in (tmp_path / "deep").rglob("*"):
        mode = path.stat().st_mode
        assert not mode & 0o022, path
        assert mode & 0o600 == 0o600, path
        assert not path.is_dir() or mode & 0o100, path


def test_what_suits_the_genes_of_a_template_is_written_too(tmp_path: Path) -> None:
    text = settings_text(shipped_template())
    assert parse_settings(text) == AS_THE_TEMPLATE_WANTS
    assert "likely = {speak = 0.7, listen = 0.7} # functions with another probability" in text
    assert not (shipped_template() / "evolve.toml").exists()
