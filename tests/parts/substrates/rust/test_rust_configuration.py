"""No configuration of cargo, wherever it lies and whatever it says, reaches a build or a fetch."""

import os
import shutil
import tomllib
from pathlib import Path

import pytest
from faults_support import assert_adds_200, build_200
from rust_support import BoxedRust

from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust import own_home
from evolve_ai.substrates.rust.own_home import lay_out, without_keys
from evolve_ai.substrates.rust.toolchain import fetch_environment

# Each documented table and key (doc.rust-lang.org/cargo/reference/config.html), with what hurts.
HOSTILE = """
paths = ["{evil}/override"]
include = ["{evil}/included.toml"]
[alias]
build = "run"
b = ["run", "--release"]
[build]
jobs = 1
rustc = "{evil}/program"
rustc-wrapper = "{evil}/program"
rustc-workspace-wrapper = "{evil}/program"
rustdoc = "{evil}/program"
target = "no-such-target"
target-dir = "{evil}/elsewhere"
build-dir = "{evil}/elsewhere"
artifact-dir = "{evil}/elsewhere"
rustflags = ["-Copt-level=0", "-Coverflow-checks=on", "-Cno-such-option=1"]
rustdocflags = ["-no-such-option"]
incremental = true
dep-info-basedir = "{evil}"
warnings = "deny"
[cache]
auto-clean-frequency = "always"
[cargo-new]
vcs = "none"
[doc]
browser = "{evil}/program"
[env]
RUSTC_BOOTSTRAP = {{ value = "1", force = true }}
PATH = {{ value = "{evil}", force = true }}
LD_PRELOAD = {{ value = "{evil}/none.so", force = true }}
[future-incompat-report]
frequency = "never"
[install]
root = "{evil}"
[patch.crates-io]
libm = {{ path = "{evil}/override" }}
[profile.release]
inherits = "dev"
codegen-units = 99
debug = 2
split-debuginfo = "packed"
debug-assertions = true
incremental = true
lto = "fat"
overflow-checks = true
panic = "unwind"
opt-level = 0
rpath = true
strip = "none"
[profile.release.build-override]
opt-level = 0
[profile.release.package."*"]
opt-level = 0
[resolver]
incompatible-rust-versions = "fallback"
feature-unification = "workspace"
[target.x86_64-unknown-linux-gnu]
linker = "{evil}/program"
runner = "{evil}/program"
rustflags = ["-Copt-level=0", "-Cno-such-option=1"]
[target.aarch64-unknown-linux-gnu]
linker = "{evil}/program"
runner = "{evil}/program"
[target.'cfg(all())']
linker = "{evil}/program"
runner = "{evil}/program"
rustflags = ["-Cno-such-option=1"]
[target.x86_64-unknown-linux-gnu.foo]
rustc-link-lib = ["foo"]
[term]
quiet = true
verbose = false
color = "always"
hyperlinks = true
unicode = true
progress.when = "always"
progress.width = 10
[unstable]
build-std = ["std"]
"""
VARIABLES = {
    "RUSTFLAGS": "-Cno-such-option=1",
    "CARGO_ENCODED_RUSTFLAGS": "-Cno-such-option=1",
    "CARGO_BUILD_RUSTFLAGS": "-Cno-such-option=1",
    "CARGO_BUILD_TARGET": "no-such-target",
    "CARGO_BUILD_TARGET_DIR": "{evil}/elsewhere",
    "CARGO_BUILD_BUILD_DIR": "{evil}/elsewhere",
    "CARGO_TARGET_DIR": "{evil}/elsewhere",
    "CARGO_INCREMENTAL": "1",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
    "CARGO_PROFILE_RELEASE_PANIC": "unwind",
    "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER": "{evil}/program",
    "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER": "{evil}/program",
    "CARGO_UNSTABLE_BUILD_STD": "std",
    "CARGO_ALIAS_BUILD": "run",
    "RUSTC": "{evil}/program",
    "RUSTC_WRAPPER": "{evil}/program",
    "RUSTC_WORKSPACE_WRAPPER": "{evil}/program",
    "RUSTC_BOOTSTRAP": "1",
    "RUSTDOC": "{evil}/program",
    "CARGO": "{evil}/program",
}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """What all of that leads to."""
    evil = tmp_path / "evil"
    evil.mkdir()
    program = evil / "program"
    program.write_text(f"#!/bin/sh\ntouch {evil}/ran\nexit 1\n")
    program.chmod(0o755)
    (evil / "included.toml").write_text('[build]\nrustc = "/bin/false"\n')
    return evil


def plant(evil: Path, *folders: Path) -> None:
    text = HOSTILE.format(evil=evil)
    tomllib.loads(text)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("config.toml", "config"):
            (folder / name).write_text(text)


def test_hostile_configuration_in_every_place_changes_no_byte_of_a_program(
    pool: GenePool, tmp_path: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "above" / "project"
    project.mkdir(parents=True)
    workspace = project / "workspace"
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME") or f"{Path.home()}/.rustup")
    home = tmp_path / "cargo"
    monkeypatch.setenv("CARGO_HOME", str(home))
    alone = BoxedRust(home=project)
    first = build_200(alone.builder(workspace, pool), pool, alone)
    assert_adds_200(first)
    assert first.program is not None
    bytes_before = first.program.file.read_bytes()
    shutil.rmtree(workspace)
    inside = (workspace / "build", workspace / "build" / "home" / ".cargo", workspace)
    plant(hostile, home, *(one / ".cargo" for one in (tmp_path, project.parent, project, *inside)))
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value.format(evil=hostile))
    monkeypatch.chdir(project)
    surrounded = BoxedRust(home=project)
    second = build_200(surrounded.builder(workspace, pool), pool, surrounded)
    assert_adds_200(second)
    assert second.program is not None
    assert second.fingerprint == first.fingerprint
    assert second.program.file.read_bytes() == bytes_before
    assert sorted(path.name for path in hostile.iterdir()) == ["included.toml", "program"]


def test_configuration_would_be_read_where_cargo_is_called_in_the_area(
    pool: GenePool, tmp_path: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack of the test before, with the protection lifted."""
    workspace = tmp_path / "project" / "workspace"
    plant(hostile, tmp_path / ".cargo")
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.CWD", tmp_path)
    substrate = BoxedRust()
    with pytest.raises(ToolchainError):
        build_200(substrate.builder(workspace, pool), pool, substrate)


def test_of_the_users_home_only_the_ways_to_crates_are_taken_over(
    tmp_path: Path, hostile: Path
) -> None:
    user = tmp_path / "user" / ".cargo"
    plant(hostile, user)
    (user / "config").unlink()
    ways = (
        '\n[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n'
        '[http]\nproxy = "proxy:1"\n[net]\nretry = 9\n'
        '[registries.ours]\nindex = "sparse+https://host/"\n'
    )
    with (user / "config.toml").open("a") as file:
        file.write(ways)
    (user / "credentials.toml").write_text("[registry]\ntoken = 'x'\n")
    home = tmp_path / "own"
    assert lay_out(home, {"CARGO_HOME": str(user)}) == {"CARGO_HOME": str(home)}
    kept = tomllib.loads((home / "config.toml").read_text())
    assert kept.keys() == {"source", "http", "net", "registries"}
    assert kept["source"]["here"]["directory"] == str(user.parent / "vendor")
    assert (home / "registry").readlink() == user / "registry"
    assert (home / "credentials.toml").readlink() == user / "credentials.toml"
    (home / "config").write_text("[build]\n")
    (user / "credentials.toml").unlink()
    lay_out(home, {"CARGO_HOME": str(user)})
    assert sorted(path.name for path in home.iterdir()) == [
        ".global-cache",
        "config.toml",
        "registry",
    ]


@pytest.mark.parametrize("before", ["nothing", "database", "link"])
def test_cargo_keeps_no_track_of_crates_in_our_home(tmp_path: Path, before: str) -> None:
    home, tracker = tmp_path / "own", tmp_path / "own" / ".global-cache"
    home.mkdir()
    if before == "database":
        tracker.write_bytes(b"SQLite format 3")
    elif before == "link":
        tracker.symlink_to(tmp_path)
    for _ in range(2):
        lay_out(home, {"CARGO_HOME": str(tmp_path / "user")})
        assert tracker.is_dir()
        assert not tracker.is_symlink()


@pytest.mark.parametrize("text", [b"", b"[source", b"\xff\xfe", b"source = 1\n"])
def test_configuration_that_nobody_can_read_is_none(tmp_path: Path, text: bytes) -> None:
    user = tmp_path / "user"
    user.mkdir()
    (user / "config.toml").write_bytes(text)
    lay_out(tmp_path / "own", {"CARGO_HOME": str(user)})
    assert (tmp_path / "own" / "config.toml").read_text() == ""


def test_fetch_has_the_ways_to_the_network_and_no_keys_of_builds() -> None:
    ways = {"HTTPS_PROXY": "p", "CARGO_HTTP_CAINFO": "c", "CARGO_REGISTRIES_OURS_TOKEN": "t"}
    assert without_keys({**VARIABLES, **ways}) == {"CARGO": VARIABLES["CARGO"], **ways}
    assert fetch_environment({**VARIABLES, **ways}).keys() >= ways.keys()


def test_configuration_at_the_root_of_the_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_home, "CWD", tmp_path)
    (tmp_path / ".cargo").mkdir()
    (tmp_path / ".cargo" / "config.toml").touch()
    with pytest.raises(ToolchainError, match="root of the file system") as refused:
        lay_out(tmp_path / "own", {"CARGO_HOME": str(tmp_path / "user")})
    assert refused.value.where == str(tmp_path / ".cargo" / "config.toml")
    assert refused.value.todo is not None
    (tmp_path / ".cargo" / "config.toml").unlink()  # what the remedy says
    lay_out(tmp_path / "own", {"CARGO_HOME": str(tmp_path / "user")})
