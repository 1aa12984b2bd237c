"""The doctor names what is not well, and what helps."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from evolve_ai.inspection import capacity, doctor, trials
from evolve_ai.inspection.doctor import COMPILERS, Check, Subject, check_up, filesystem
from evolve_ai.model.errors import RegistryError, TemplateError
from evolve_ai.model.guarantee import Guarantee, Sandbox
from evolve_ai.model.sandbox import Level
from evolve_ai.model.settings import Settings
from evolve_ai.substrates.rust.substrate import RustSubstrate
from evolve_ai.system import machine
from evolve_ai.system.project import Project


@pytest.fixture
def project(tmp_path: Path, keeper: Path) -> Path:
    for name in ("agents", "logs", "workspace"):
        (tmp_path / name).mkdir()
    (tmp_path / "evolve.toml").write_text("seed = 1\n")
    # As after a first run: the keeper is compiled once for all tests.
    (tmp_path / "workspace" / "keeper").mkdir()
    (tmp_path / "workspace" / "keeper" / keeper.parent.name).symlink_to(keeper.parent)
    return tmp_path


def _examine(
    root: Path,
    settings: Settings | None = None,
    pids: Mapping[str, int | None] | None = None,
    *,
    builds: bool = False,
) -> dict[str, Check]:
    project = Project(root, settings or Settings())
    rust = RustSubstrate(home=root)
    subject = Subject(
        project,
        pids or {},
        rust.checks(),
        template=lambda: "12 gene files",
        registry=lambda: "whole",
        libraries=rust.needs.libraries,
        build=rust.trial if builds else None,
    )
    return {check.name: check for check in check_up(subject)}


def test_sound_project_is_well(project: Path) -> None:
    checks = _examine(project, builds=True)
    assert [check for check in checks.values() if not check.ok] == []
    assert checks["start"].detail.startswith("a program starts as agents do")
    assert checks["build"].detail.startswith("one line is compiled, linked and run")
    assert checks["cargo"].detail.startswith("cargo 1.")
    assert checks["template"].detail == "12 gene files"
    assert [path.name for path in (project / "workspace").iterdir()] == ["keeper"]


def test_every_guarantee_of_the_sandbox_has_a_row_with_how_it_was_tried(project: Path) -> None:
    checks = _examine(project)
    assert checks["sandbox"].detail.startswith("landlock: ")
    rows = {name.removeprefix("sandbox: ") for name in checks if name.startswith("sandbox: ")}
    assert rows >= {"files", "network", "processes", "threads", "signals", "tracing", "kernel"}
    assert "tried to read a file of another folder" in checks["sandbox: files"].detail


def test_missing_sandbox_is_said_plainly(project: Path) -> None:
    settings = Settings.model_validate({"sandbox": {"level": "none"}})
    check = _examine(project, settings)["sandbox"]
    assert not check.ok
    assert check.detail.startswith("none: UNSAFE")
    assert "landlock" in check.todo


def test_sandbox_that_does_not_hold_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = Sandbox(Level.LANDLOCK, (Guarantee("files", False, "tried to read: done"),))
    monkeypatch.setattr(trials, "at_level", lambda *_: torn)
    checks = _examine(project)
    assert not checks["sandbox"].ok
    assert "files (tried to read: done)" in checks["sandbox"].detail
    assert checks["sandbox: files"] == Check("sandbox: files", False, "tried to read: done")


def test_missing_compiler_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setenv("CARGO_HOME", str(project))
    check = _examine(project)["cargo"]
    assert not check.ok
    assert "no `cargo`" in check.detail
    assert "install Rust" in check.todo


def test_keeper_that_can_be_copied_needs_no_compiler(
    project: Path, keeper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project / "workspace" / "keeper")
    for name in ("PATH", "CARGO_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(project / "empty"))
    checks = _examine(project)
    assert not any(checks[name].ok for name in COMPILERS)
    assert not checks["keeper program"].tried
    cache = project / "empty" / "evolve" / "keeper"
    shutil.copytree(keeper.parent, cache / keeper.parent.name)
    checks = _examine(project)
    assert not any(checks[name].ok for name in COMPILERS)
    assert checks["keeper program"] == Check("keeper program", True, "is ready to be copied")
    assert checks["boxed start"].ok
    assert list((project / "workspace").iterdir()) == []


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


def test_population_beyond_a_limit_is_not_well(project: Path) -> None:
    settings = Settings.model_validate({"budget": {"memory_bytes": 3_000_000, "disk_bytes": 9**9}})
    checks = _examine(project, settings, dict.fromkeys(map(str, range(40))))
    assert checks["disk space"].ok
    assert checks["memory"] == Check(
        "memory",
        False,
        "2.9 MiB, 270.0 KiB an agent: room for 10 agents, 40 needed",
        "raise budget.memory_bytes in evolve.toml, or keep fewer agents",
    )


def test_limit_that_bites_first_is_named_with_what_raises_it(project: Path) -> None:
    settings = Settings.model_validate({"budget": {"inodes": 4000}})
    found = _examine(project, settings)["capacity"]
    assert found.ok
    assert found.detail.startswith(
        "this machine can hold about 160 agents; the first limit is inodes (4,000, 24 an agent"
    )
    assert found.detail.endswith("To hold more: raise it in [budget] of evolve.toml")


def test_every_limit_has_a_row(project: Path) -> None:
    rows = _examine(project, Settings(mode="free")).keys()
    assert rows >= {
        "memory",
        "disk space",
        "inodes",
        "file descriptors",
        "open files of the machine",
        "processes",
        "pipes",
        "inotify watches",
        "capacity",
        "cgroup v2",
    }


def test_agents_that_run_are_measured(project: Path) -> None:
    folder = project / "agents" / "a1"
    folder.mkdir()
    (folder / "genome.bin").write_bytes(b"x" * 100_000)
    sleeper = subprocess.Popen(["sleep", "60"], cwd=folder)
    try:
        detail = _examine(project, pids={"a1": sleeper.pid, "a2": os.getpid()})["capacity"].detail
        assert "running agents measured: 1" in detail
    finally:
        sleeper.kill()
        sleeper.wait()


def test_pipes_of_an_ordinary_user_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity.machine, "pipe_pages", lambda: 16384)
    assert capacity.pipes().startswith("beyond 512 agents they hold less at a time")


def test_broken_template_and_registry_are_reported(project: Path) -> None:
    def template() -> str:
        raise TemplateError("no genes", where="agent_template", todo="add one")

    def registry() -> str:
        raise RegistryError("malformed")

    subject = Subject(Project(project, Settings()), template=template, registry=registry)
    found = check_up(subject)
    checks = {check.name: check for check in found}
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


def test_descriptors_are_those_of_as_many_colonies_as_there_may_be(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "descriptors", lambda: 1024)
    pids = {f"a{n}": None for n in range(1000)}
    check = _examine(project, pids=pids)["file descriptors"]
    assert not check.ok
    assert check.detail.endswith("room for 924 agents, 1,000 needed in 3 colonies")
    assert "demes" in check.todo
    check = _examine(project, Settings(demes=4), pids)["file descriptors"]
    assert check.ok
    assert check.detail.endswith("room for 1,848 agents, 1,000 needed in 3 colonies")
    check = _examine(project, Settings(demes=4, colonies=1), {})["file descriptors"]
    assert check.detail.endswith("room for 462 agents, 0 needed in 1 colony")
