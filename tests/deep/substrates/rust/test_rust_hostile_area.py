"""What somebody put into the area of builds, beside what we lay out there; and what comes out."""

import os
import shutil
import subprocess
import tomllib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from faults_support import assert_adds_200, build_200, made_with
from rust_support import BoxedRust, boxed, compiler_of

from evolve_ai.model.errors import TemplateError, ToolchainError
from evolve_ai.model.report import GenePool
from evolve_ai.model.sandbox import Protection
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.system.tools import tool_path


@pytest.fixture
def planted(warm: Path, tmp_path: Path) -> Path:
    """A copy of that workspace, whose area is full of settings that run a program."""
    workspace = Path(shutil.copytree(warm, tmp_path / "workspace", symlinks=True))
    area = workspace / "build"
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\ntouch {tmp_path}/ran\nexec cc "$@"\n')
    evil.chmod(0o755)
    tools = "".join(f'{name} = "{evil}"\n' for name in ("rustc", "rustc-wrapper"))
    settings = (
        f'[build]\n{tools}target-dir = "{tmp_path}/elsewhere"\n'
        f'[target.x86_64-unknown-linux-gnu]\nlinker = "{evil}"\n'
        f'[target.aarch64-unknown-linux-gnu]\nlinker = "{evil}"\n'
    )
    crates = [*area.glob("units/*"), *area.glob("kernels/*"), area / "batch"]
    for folder in (area, *crates):
        (folder / ".cargo").mkdir(exist_ok=True)
        for name in ("config", "config.toml"):
            (folder / ".cargo" / name).write_text(settings)
        (folder / "rust-toolchain.toml").write_text(f'[toolchain]\npath = "{tmp_path}"\n')
        (folder / "build.rs").write_text("fn main() { panic!() }")
        (folder / "src").mkdir(exist_ok=True)
        (folder / "src" / "link").symlink_to("/etc")
    return workspace


def test_what_somebody_put_into_the_area_is_gone_before_cargo_starts(
    planted: Path, substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = RustBuilder(planted, pool, made_with(substrate), compiler_of())
    assert_adds_200(build_200(builder, pool, substrate))
    area = planted / "build"
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "elsewhere").exists()
    assert not (area / ".cargo").exists()
    crates = tomllib.loads((area / MANIFEST).read_text())["workspace"]["members"]
    inside = [path for crate in crates for path in (area / crate).rglob("*")]
    strange = {"config", "rust-toolchain.toml", "build.rs", "link"}
    assert [path for path in (*inside, *area.iterdir()) if path.name in strange] == []


def test_settings_in_the_area_would_run_a_program_where_nobody_sweeps_and_files_are_open(
    planted: Path, substrate: BoxedRust, pool: GenePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuildArea, "_sweep", lambda area, files: set())
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.CWD", planted / "build")
    ran = planted.parent / "ran"
    boxes = (boxed, lambda: replace(boxed(), lifted=frozenset({Protection.FILES})))
    for confine, runs in zip(boxes, (False, True), strict=True):
        compiler = compiler_of(confine=confine)
        builder = RustBuilder(planted, pool, made_with(substrate), compiler)
        with suppress(ToolchainError, TemplateError):
            build_200(builder, pool, substrate)
        assert ran.exists() == runs


def test_toolchain_file_in_the_area_redirects_a_proxy_but_not_us(
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = shutil.which("cargo", path=tool_path(os.environ))
    assert found is not None
    if Path(found).resolve().name != "rustup":
        pytest.skip("no proxy of rustup is on the PATH")
    evil = tmp_path / "evil" / "bin"
    evil.mkdir(parents=True)
    for name in ("cargo", "rustc"):
        (evil / name).write_text("#!/bin/sh\necho evil\n")
        (evil / name).chmod(0o755)
    monkeypatch.setattr(BuildArea, "_sweep", lambda area, files: set())
    substrate = BoxedRust()  # that of the session began in another CARGO_HOME than `hostile`'s
    builder = substrate.builder(tmp_path / "workspace", pool)
    area = tmp_path / "workspace" / "build"
    area.mkdir()
    (area / "rust-toolchain.toml").write_text(f'[toolchain]\npath = "{evil.parent}"\n')
    told = subprocess.check_output([found, "--version"], cwd=area, text=True)
    assert told == "evil\n"
    assert_adds_200(build_200(builder, pool, substrate))


# What comes out of a build is as hostile as what went in.


def test_program_that_is_a_link_a_pipe_or_lies_elsewhere_is_none(
    pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area = BuildArea(tmp_path / "build", pool, "")
    release = area.target.folder / "release"
    release.mkdir(parents=True)
    (tmp_path / "program").write_bytes(b"elsewhere")
    (release / "good").write_bytes(b"a program")
    (release / "link").symlink_to(tmp_path / "program")
    (area.target.folder / "debug").symlink_to(tmp_path)
    os.mkfifo(release / "pipe")
    assert area.target.made(release / "good") == release / "good"
    strange = [
        release / "link",
        release / "pipe",
        release / "missing",
        area.target.folder / "debug" / "program",
        release / ".." / ".." / ".." / "program",
        tmp_path / "program",
    ]
    for path in strange:
        with pytest.raises(ToolchainError, match="what was built is no program"):
            area.target.made(path)
    monkeypatch.setattr("evolve_ai.substrates.rust.target.MAX_PROGRAM", 5)
    with pytest.raises(ToolchainError, match="at most 5 are allowed"):
        area.target.made(release / "good")


def test_links_out_of_the_target_folder_are_not_followed(pool: GenePool, tmp_path: Path) -> None:
    area = BuildArea(tmp_path / "build", pool, "")
    (area.target.folder / "release").mkdir(parents=True)
    outside = tmp_path / "deps"
    outside.mkdir()
    (outside / "evolve_batch-1").write_bytes(b"not ours")
    (outside / "lib.rlib").write_bytes(b"not ours")
    (area.target.folder / "release" / "deps").symlink_to(outside)
    area.forget_batch()
    assert (outside / "evolve_batch-1").exists()
    area.seal.renew()
    assert (area.folder / "seal.json").read_bytes() == b"{}"


def test_pipe_for_a_crate_holds_nobody_up(pool: GenePool, tmp_path: Path) -> None:
    area = BuildArea(tmp_path / "build", pool, "")
    deps = area.target.folder / "release" / "deps"
    deps.mkdir(parents=True)
    os.mkfifo(deps / "lib.rlib")
    area.seal.renew()
    assert not area.seal.is_broken()
