"""Attacks on the machine that builds: by crates, by genes, by what somebody put into the area.

Each is stopped in the box, and succeeds where just the protection that stops it is lifted.
"""

import os
import shutil
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from faults_support import assert_adds_200, build_200, made_with, request_for, said, working_in
from rust_support import (
    FIXTURES,
    BoxedRust,
    boxed,
    compiler_of,
    copy_template,
    genome_of,
    request_of,
)

from evolve_ai.model.errors import TemplateError, ToolchainError
from evolve_ai.model.report import BuildVerdict, GenePool
from evolve_ai.model.sandbox import Confinement, Protection
from evolve_ai.model.settings import GIB, BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.cargo import build_argv
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.toolchain import build_environment, find_toolchain
from evolve_ai.system.commands import Completed, Limits, run_command
from evolve_ai.system.files import discard
from evolve_ai.system.tools import tool_path

HOSTILE = {"hostile-crate": "1.0.0"}
SETTINGS = BuildSettings(memory_bytes=2 * GIB)
# By the protection that stops them. What several stop is not among them.
ATTACKS = {
    Protection.FILES: {
        "read a file",
        "read /etc/hostname",
        "list a folder",
        "write a file",
        "make a hard link",
    },
    Protection.NETWORK: {"connect by TCP", "bind UDP", "connect to a socket"},
    Protection.SIGNALS: {"signal a stranger"},
    Protection.LIMITS: {"take much memory", "write a large file"},
}


@dataclass(frozen=True)
class Hostile:
    """A template whose one crate attacks while it is built, and whom."""

    area: BuildArea
    outside: Path

    def build(self, confinement: Confinement) -> Completed:
        """That crate alone, or at least what its build script does."""
        self.forget()
        compiler = compiler_of(SETTINGS, lambda: confinement)
        return compiler.build(self.area, "hostile-crate", lambda line: None)

    def forget(self) -> None:
        """Cargo runs a build script again only if it knows nothing of its last run."""
        for path in self.area.target.glob("release/.fingerprint/hostile-crate-*/run-build-script*"):
            discard(path)

    @contextmanager
    def put_right(self) -> Iterator[None]:
        """Within, all that is attacked may be changed."""
        files = (self.area.folder / MANIFEST, Path(os.environ["CARGO_HOME"]) / "config.toml")
        before = [path.read_bytes() for path in files]
        try:
            yield
        finally:
            for path, data in zip(files, before, strict=True):
                path.write_bytes(data)
            discard(self.outside / "by-script")
            discard(self.area.target / "script-link")

    def report(self, by: str) -> dict[str, bool]:
        lines = (self.area.target / f"{by}-report").read_text().splitlines()
        return {what: told == "true" for what, told in (line.split(": ") for line in lines)}

    def daemons(self) -> list[psutil.Process]:
        """Those that crate and macro left, as far as they live."""
        pids = [int(file.read_text()) for file in self.area.target.glob("*-daemon")]
        assert len(pids) == 2
        return [one for one in working_in(self.area.folder) if one.pid in pids]


def vendor(home: Path, words: dict[str, str]) -> None:
    """Cargo finds the hostile crates here, and asks nobody else."""
    crates = home / "registry" / "vendored"
    attacks = (FIXTURES / "hostile_crate" / "attacks.rs").read_text()
    for word, value in words.items():
        attacks = attacks.replace(word, value)
    for name in ("crate", "macro"):
        crate = shutil.copytree(FIXTURES / f"hostile_{name}", crates / f"hostile-{name}")
        (crate / "attacks.rs").write_text(attacks)
        (crate / ".cargo-checksum.json").write_text('{"files": {}}')
    (home / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "{crates}"\n'
    )


@pytest.fixture(scope="module")
def victims(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A file, two sockets and a process that no build has anything to do with."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("key")
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(outside / "socket"))
        unix.listen()
        yield {
            "OUTSIDE": str(outside),
            "PORT": str(tcp.getsockname()[1]),
            "VICTIM": str(stranger.pid),
            "MEMORY": str(3 * GIB),
        }
    stranger.communicate(b"\n")


@pytest.fixture(scope="module")
def hostile(victims: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    """Built once, in its box, by the real builder."""
    root = tmp_path_factory.mktemp("hostile")
    vendor(root / "home", victims)
    template = copy_template(root / "template")
    with (template / MANIFEST).open("a") as manifest:
        manifest.write('\n[dependencies]\nhostile-crate = "=1.0.0"\n')
    with pytest.MonkeyPatch.context() as patch:
        user = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
        patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{user / 'bin'}")
        patch.setenv("CARGO_HOME", str(root / "home"))
        substrate = BoxedRust(SETTINGS, HOSTILE)
        pool = substrate.equip(root / "workspace", substrate.read_pool(template))
        builder = substrate.builder(root / "workspace", pool)
        (verdict,) = builder.build([request_for(pool, substrate)])
        assert said(verdict) == "alpha::add 3\ngamma::negate -3\n"
        yield Hostile(builder._area(), Path(victims["OUTSIDE"]))


@pytest.mark.parametrize("by", ["script", "macro"])
def test_crate_that_attacks_while_it_is_built_gets_nowhere(hostile: Hostile, by: str) -> None:
    report = hostile.report(by)
    assert {what for what, done in report.items() if done} <= {"leave a daemon"}
    assert {what for attacks in ATTACKS.values() for what in attacks} < report.keys()
    assert sorted(path.name for path in hostile.outside.iterdir()) == ["secret", "socket"]


@pytest.mark.parametrize("lifted", ATTACKS)
def test_attack_of_a_crate_succeeds_where_its_protection_is_lifted(
    hostile: Hostile, lifted: Protection
) -> None:
    with hostile.put_right():
        done = hostile.build(replace(boxed(), lifted=frozenset({lifted})))
    assert done.code == 0, done.stderr
    succeeded = {what for what, done in hostile.report("script").items() if done}
    others = {what for other, attacks in ATTACKS.items() for what in attacks if other != lifted}
    assert succeeded >= ATTACKS[lifted]
    assert not succeeded & others


def test_daemon_that_a_build_leaves_is_ended_with_it(hostile: Hostile) -> None:
    done = hostile.build(boxed())
    assert done.code == 0, done.stderr
    assert hostile.report("script")["leave a daemon"]
    assert hostile.daemons() == []


def test_daemon_that_a_build_leaves_lives_on_where_nobody_watches(hostile: Hostile) -> None:
    tools = find_toolchain(Path.cwd())
    environment = {**build_environment(os.environ), **tools.variables(), **hostile.area.variables()}
    argv = build_argv(tools.cargo, "hostile-crate")
    limits = Limits(total=60.0, silence=60.0)
    hostile.forget()
    with hostile.put_right():
        run_command(argv, cwd=hostile.area.folder, env=environment, limits=limits)
    daemons = hostile.daemons()
    for daemon in daemons:
        daemon.kill()
        daemon.wait(10)
    assert daemons


def test_build_that_starts_too_many_processes_is_ended_and_told(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.PROCESSES", 50)
    bomb = hostile.area.target / "bomb"
    bomb.touch()
    try:
        with pytest.raises(ToolchainError, match="more than 50 processes"):
            hostile.build(boxed())
    finally:
        bomb.unlink()
    assert working_in(hostile.area.folder) == []


# Genes, past the audit that refuses them all.

HEAD = b"use crate::kernel::Agent;\n"


def build_unaudited(
    code: bytes,
    substrate: BoxedRust,
    pool: GenePool,
    workspace: Path,
    settings: BuildSettings = SETTINGS,
    lifted: frozenset[Protection] = frozenset(),
) -> tuple[BuildVerdict, BuildVerdict]:
    """What becomes of a wiring with this alpha, and of one without."""
    confinement = replace(boxed(), lifted=lifted)
    compiler = compiler_of(settings, lambda: confinement)
    builder = RustBuilder(workspace, pool, made_with(substrate), compiler, settings)
    digest = builder.sources.put(code)
    report = builder._report("src/genes/alpha.rs", digest)
    assert report is not None
    assert report.audit_error is not None or lifted, "the audit would refuse it"
    builder._reports[report.path, digest] = replace(report, findings=())
    bad = genome_of(pool, {"alpha": ["add"]}, {"alpha": code}, number=1)
    good = genome_of(pool, {"gamma": ["negate"]}, number=2)
    one, two = builder.build([request_of(substrate, genome, pool) for genome in (bad, good)])
    return one, two


@pytest.fixture(scope="module")
def warm(substrate: BoxedRust, pool: GenePool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace where all but the hostile gene has been compiled."""
    workspace = tmp_path_factory.mktemp("warm")
    builder = RustBuilder(workspace, pool, made_with(substrate), compiler_of())
    (verdict,) = builder.build([request_for(pool, substrate)])
    assert verdict.program is not None
    return workspace


def reason(verdict: BuildVerdict) -> str:
    assert verdict.fault is not None
    return verdict.fault.reason


INCLUDE = (
    HEAD + b'pub fn add(agent: &mut Agent) { agent.value = include_str!("%s").len() as f64; }\n'
)


def test_gene_that_includes_a_file_of_the_machine_fails_alone(
    substrate: BoxedRust, pool: GenePool, warm: Path
) -> None:
    bad, good = build_unaudited(INCLUDE % b"/etc/hostname", substrate, pool, warm)
    assert "couldn't read" in reason(bad)
    assert "Permission denied" in reason(bad)
    assert said(good) == "gamma::negate -0\n"


def test_gene_includes_a_file_of_the_machine_where_files_are_not_protected(
    substrate: BoxedRust, pool: GenePool, warm: Path
) -> None:
    lifted = frozenset({Protection.FILES})
    code = INCLUDE % b"/etc/passwd"
    bad, _ = build_unaudited(code, substrate, pool, warm, lifted=lifted)
    assert said(bad) == f"alpha::add {Path('/etc/passwd').stat().st_size}\n"


STATIC = (
    HEAD
    + b"static mut MUCH: [u8; 16 << 30] = [1; 16 << 30];\n"
    + b"pub fn add(agent: &mut Agent) {\n"
    + b"    agent.value = unsafe { MUCH[agent.value as usize] } as f64;\n}\n"
)
ENDLESS = (
    HEAD
    + b"#[allow(long_running_const_eval)]\n"
    + b"const N: u64 = { let mut n = 0u64; while n < 1 << 60 { n += 1; } n };\n"
    + b"pub fn add(agent: &mut Agent) { agent.value = N as f64; }\n"
)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (STATIC, "the compiler ran out of memory"),
        (STATIC.replace(b"= [1;", b"= [0;"), "the compiler ran out of memory"),
        (ENDLESS, "the compiler took over"),
    ],
    ids=["static of 16 GiB", "zeros of 16 GiB", "endless constant"],
)
def test_gene_that_would_use_up_the_machine_fails_alone(
    code: bytes, told: str, substrate: BoxedRust, pool: GenePool, warm: Path
) -> None:
    impatient = BuildSettings(timeout=6.0, silence=6.0, memory_bytes=2 * GIB)
    bad, good = build_unaudited(code, substrate, pool, warm, impatient)
    assert reason(bad).startswith("src/genes/alpha.rs:1: ")
    assert told in reason(bad)
    assert bad.outside
    assert said(good) == "gamma::negate -0\n"


# What somebody put into the area, beside what we lay out there.


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
    assert list((area / ".cargo").iterdir()) == [area / ".cargo" / "config.toml"]
    assert (area / ".cargo" / "config.toml").read_bytes() == b""
    crates = tomllib.loads((area / MANIFEST).read_text())["workspace"]["members"]
    inside = [path for crate in crates for path in (area / crate).rglob("*")]
    strange = {"config", "rust-toolchain.toml", "build.rs", "link"}
    assert [path for path in (*inside, *area.iterdir()) if path.name in strange] == []


def test_settings_in_the_area_would_run_a_program_where_nobody_sweeps_and_files_are_open(
    planted: Path, substrate: BoxedRust, pool: GenePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BuildArea, "_sweep", lambda area, files: set())
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
    release = area.target / "release"
    release.mkdir(parents=True)
    (tmp_path / "program").write_bytes(b"elsewhere")
    (release / "good").write_bytes(b"a program")
    (release / "link").symlink_to(tmp_path / "program")
    (area.target / "debug").symlink_to(tmp_path)
    os.mkfifo(release / "pipe")
    assert area.made(release / "good") == release / "good"
    strange = [
        release / "link",
        release / "pipe",
        release / "missing",
        area.target / "debug" / "program",
        release / ".." / ".." / ".." / "program",
        tmp_path / "program",
    ]
    for path in strange:
        with pytest.raises(ToolchainError, match="what was built is no program"):
            area.made(path)
    monkeypatch.setattr("evolve_ai.substrates.rust.area.MAX_PROGRAM", 5)
    with pytest.raises(ToolchainError, match="at most 5 are allowed"):
        area.made(release / "good")


def test_links_out_of_the_target_folder_are_not_followed(pool: GenePool, tmp_path: Path) -> None:
    area = BuildArea(tmp_path / "build", pool, "")
    (area.target / "release").mkdir(parents=True)
    outside = tmp_path / "deps"
    outside.mkdir()
    (outside / "evolve_batch-1").write_bytes(b"not ours")
    (outside / "lib.rlib").write_bytes(b"not ours")
    (area.target / "release" / "deps").symlink_to(outside)
    area.forget_batch()
    assert (outside / "evolve_batch-1").exists()
    area.seal.renew()
    assert (area.folder / "seal.json").read_bytes() == b"{}"


def test_pipe_for_a_crate_holds_nobody_up(pool: GenePool, tmp_path: Path) -> None:
    area = BuildArea(tmp_path / "build", pool, "")
    deps = area.target / "release" / "deps"
    deps.mkdir(parents=True)
    os.mkfifo(deps / "lib.rlib")
    area.seal.renew()
    assert not area.seal.is_broken()
