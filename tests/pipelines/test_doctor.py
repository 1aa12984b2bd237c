"""The doctor names what is not well, and what helps."""

import os
from pathlib import Path

import pytest

from evolve_ai.model.errors import RegistryError, TemplateError
from evolve_ai.pipelines import doctor
from evolve_ai.pipelines.doctor import Check, examine, filesystem


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("agents", "logs", "workspace"):
        (tmp_path / name).mkdir()
    (tmp_path / "evolve.toml").write_text("seed = 1\n")
    return tmp_path


def _examine(project: Path, population: int = 10) -> dict[str, Check]:
    checks = examine(project, population, lambda: "12 gene files", lambda: "whole")
    return {check.name: check for check in checks}


def test_sound_project_is_well(project: Path) -> None:
    checks = _examine(project)
    assert [check for check in checks.values() if not check.ok] == []
    assert checks["cargo"].detail.startswith("cargo 1.")
    assert checks["template"].detail == "12 gene files"
    assert not list((project / "workspace").iterdir())


def test_missing_sandbox_is_said_plainly(project: Path) -> None:
    assert "unsandboxed" in _examine(project)["sandbox"].detail


def test_missing_compiler_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setenv("CARGO_HOME", str(project))
    check = _examine(project)["cargo"]
    assert not check.ok
    assert "no `cargo`" in check.detail
    assert "install Rust" in check.todo


def test_compiler_of_rustup_is_found_without_its_folder_on_the_path(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = project / ".cargo" / "bin" / "cargo"
    fake.parent.mkdir(parents=True)
    fake.write_text("#!/bin/sh\necho cargo 1.80.0\n")
    fake.chmod(0o755)
    monkeypatch.setenv("HOME", str(project))
    monkeypatch.delenv("CARGO_HOME", raising=False)
    monkeypatch.setenv("PATH", str(project))
    assert _examine(project)["cargo"] == Check("cargo", True, "cargo 1.80.0")


def test_compiler_that_fails_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = project / "cargo"
    fake.write_text("#!/bin/sh\necho no toolchain is configured >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{project}:{os.environ['PATH']}")
    assert _examine(project)["cargo"].detail == "no toolchain is configured"


def test_wrong_setting_is_named_with_its_line(project: Path) -> None:
    (project / "evolve.toml").write_text("\nsead = 1\n")
    check = _examine(project)["settings"]
    assert not check.ok
    assert "evolve.toml:2: sead is unknown; did you mean seed?" in check.detail


def test_absurd_population_exceeds_the_limits(project: Path) -> None:
    checks = _examine(project, 10**12)
    for name in ("memory", "disk space", "file descriptors", "processes"):
        assert not checks[name].ok or "unlimited" in checks[name].detail
        assert "needed" in checks[name].detail


def test_broken_template_and_registry_are_reported(project: Path) -> None:
    def template() -> str:
        raise TemplateError("no genes", where="agent_template", todo="add one")

    def registry() -> str:
        raise RegistryError("malformed")

    checks = {check.name: check for check in examine(project, 1, template, registry)}
    assert checks["template"] == Check("template", False, "agent_template: no genes", "add one")
    assert checks["registry"].detail == "malformed"


def test_folder_that_refuses_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    check = _examine(project)["folders"]
    assert not check.ok
    assert "Permission denied" in check.detail


def test_file_system_is_that_of_the_deepest_mount(tmp_path: Path) -> None:
    folder = tmp_path.resolve()
    mounts = f"/dev/a / ext4 rw 0 0\nhost:/x {folder} nfs4 rw 0 0\ntmpfs /tmpfs tmpfs rw 0 0\n"
    assert filesystem(folder / "workspace", mounts) == "nfs4"
    assert filesystem(Path("/"), mounts) == "ext4"


def test_remote_disk_is_not_well(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "filesystem", lambda *_: "nfs4")
    check = _examine(project)["local disk"]
    assert not check.ok
    assert "nfs4" in check.detail
