"""The build of a wheel: with the keeper where that can be compiled, pure elsewhere."""

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from made_once import ROOT

from evolve_ai.colony.keeper_recipe import PROGRAM, key

pytest.importorskip("hatchling")

IN_WHEEL = f"evolve_ai/keeper/bin/{key()}/{PROGRAM}"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a wheel is made of."""
    project = tmp_path / "project"
    for name in ("evolve_ai", "agent_template"):
        ignored = shutil.ignore_patterns("__pycache__", "target")
        shutil.copytree(ROOT / name, project / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "hatch_build.py"):
        shutil.copy(ROOT / name, project)
    return project


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that is on the PATH, which begins with nothing."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return folder


def rustc_that(tools: Path, script: str) -> None:
    (tools / "rustc").write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    (tools / "rustc").chmod(0o755)


def built(project: Path) -> tuple[Path, str]:
    """The wheel, and what was said."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", project.parent / "out"]
    done = subprocess.run(argv, cwd=project, env=dict(os.environ), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = (project.parent / "out").iterdir()
    assert list((project.parent / "tmp").iterdir()) == []
    return wheel, done.stdout + done.stderr


@pytest.mark.skipif(platform.machine() != "x86_64", reason="for this machine none is shipped")
def test_wheel_has_the_keeper_under_the_key_of_its_sources(project: Path, tools: Path) -> None:
    rustc_that(tools, 'while [ "$1" != -o ]; do shift; done\necho compiled >"$2"')
    wheel, _ = built(project)
    assert wheel.name.endswith("-py3-none-manylinux_2_17_x86_64.musllinux_1_1_x86_64.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(IN_WHEEL) == b"compiled\n"
        for name in ("python/program.py", "rust/program.rs", "go/task.toml", "c/README.md"):
            assert f"evolve_ai/task_templates/{name}" in archive.namelist()
        assert archive.getinfo(IN_WHEEL).external_attr >> 16 & 0o777 == 0o755
    assert not (project / "evolve_ai" / "keeper" / "bin").exists()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "no rustc works here"),
        ("echo 'error: cannot find -lc' >&2; exit 1", "rustc: error: cannot find -lc"),
    ],
    ids=["no compiler", "no static libc"],
)
def test_wheel_is_pure_where_the_keeper_cannot_be_compiled_and_a_line_says_why(
    project: Path, tools: Path, script: str | None, told: str
) -> None:
    if script is not None:
        rustc_that(tools, script)
    wheel, said = built(project)
    assert wheel.name.endswith("-py3-none-any.whl")
    (line,) = (line for line in said.splitlines() if "without a compiled keeper" in line)
    assert told in line or platform.machine() in line
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.startswith("evolve_ai/keeper/bin")]


def test_wheel_has_of_the_template_what_a_project_gets(project: Path, tools: Path) -> None:
    (project / "agent_template" / "target" / "debug").mkdir(parents=True)
    (project / "agent_template" / "target" / "debug" / "agent").touch()
    wheel, _ = built(project)
    with zipfile.ZipFile(wheel) as archive:
        names = {name.split("/")[2] for name in archive.namelist() if "/agent_template/" in name}
    assert names == {"Cargo.toml", "Cargo.lock", "settings.toml", "src"}
