"""Faults: a compiler that wants more memory than it gets, a disk that is full, a file too large."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from faults_support import (
    assert_adds_200,
    build_200,
    build_elsewhere,
    made_with,
    request_for,
    said,
)
from rust_support import BoxedRust, boxed, compiler_of, genome_of, request_of
from seen import working_in
from toolchains import false_tools, real_sysroot

from evolve_ai.model.errors import StorageError, ToolchainError
from evolve_ai.model.report import GenePool
from evolve_ai.model.sandbox import Protection
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.builder import RustBuilder

MIB = 1024 * 1024
LITTLE = 1024 * MIB
HEAD = b"use crate::kernel::Agent;\n"
# Both are what the audit admits: a constant of 2.4 GB, and a type with a billion parts.
EATERS = {
    "constant": HEAD
    + b"const MUCH: [[[u64; 1000]; 1000]; 300] = [[[5; 1000]; 1000]; 300];\n"
    + b"pub fn add(agent: &mut Agent) { agent.value = MUCH[agent.value as usize][1][2] as f64; }\n",
    "type": HEAD
    + b"type T0 = (f64, f64);\n"
    + b"".join(b"type T%d = (T%d, T%d);\n" % (at, at - 1, at - 1) for at in range(1, 30))
    + b"pub fn add(agent: &mut Agent) { agent.value = std::mem::size_of::<T29>() as f64; }\n",
}


@pytest.mark.parametrize("eater", EATERS)
def test_gene_that_eats_the_memory_of_the_compiler_fails_alone(
    eater: str, substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    settings = BuildSettings(memory_bytes=LITTLE)
    builder = RustBuilder(tmp_path, pool, made_with(substrate), compiler_of(settings), settings)
    builder.sources.put(EATERS[eater])
    bad = genome_of(pool, {"alpha": ["add"]}, {"alpha": EATERS[eater]}, number=1)
    good = genome_of(pool, {"gamma": ["negate"]}, number=2)
    one, two = builder.build([request_of(substrate, genome, pool) for genome in (bad, good)])
    assert one.fault is not None
    assert one.fault.reason == (
        "src/genes/alpha.rs:1: the compiler ran out of memory "
        f"(it may take {LITTLE} bytes: memory_bytes in [build])"
    )
    assert said(two) == "gamma::negate -0\n"
    # What a machine lacks today it may have tomorrow.
    assert list((tmp_path / "build" / "failed").glob("*")) == []


@pytest.mark.parametrize("kib", [350_000, 400_000, 450_000])
def test_compiler_that_has_no_memory_for_the_kernel_is_no_fault_of_a_gene(
    kib: int,
    substrate: BoxedRust,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starving = f'case "$*" in *"--crate-name evolve_kernel"*) ulimit -v {kib};; esac'
    for name, value in false_tools(tmp_path / "bin", starving).items():
        monkeypatch.setenv(name, value)
    # No box lets a process set its own limits.
    unlimited = replace(boxed(), lifted=frozenset({Protection.LIMITS}))
    builder = BoxedRust().builder(tmp_path / "workspace", pool, lambda: unlimited)
    with pytest.raises(ToolchainError) as caught:
        builder.build([request_for(pool, substrate)])
    assert "the compiler ran out of memory" in str(caught.value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"only who may mount a disk can fill one: {done.stderr.strip()}")
    try:
        yield disk
    finally:
        for process in working_in(disk):
            process.kill()
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, left: int) -> Path:
    """Leave so many bytes of a disk."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with suppress(OSError):
        ballast.write_bytes(bytes(max(0, free - left)))
    return ballast


ROOM = [0, 8, 32, 64, 96, 128, 192, 256, 320, 384, 448]  # KiB


def test_disk_that_is_full_at_any_moment_is_told_and_nothing_is_spoilt(
    substrate: BoxedRust, pool: GenePool, small_disk: Path
) -> None:
    builder = substrate.builder(small_disk / "workspace", pool)
    builder.build([request_for(pool, substrate)])
    programs = builder.programs.folder
    before = set(programs.iterdir())
    told: dict[int, str] = {}
    for room in ROOM:
        ballast = fill(small_disk, room * 1024)
        try:
            verdict = build_200(builder, pool, substrate)
        except StorageError as error:
            told[room] = str(error)
            assert "the disk is full" in told[room]
        else:
            assert_adds_200(verdict)
            break
        finally:
            ballast.unlink()
        assert set(programs.iterdir()) == before
        assert working_in(small_disk) == []
    assert len(told) >= 5, "the disk was never full"
    assert_adds_200(build_200(builder, pool, substrate))


def test_disk_that_is_full_for_the_linker_alone_is_told(
    substrate: BoxedRust,
    pool: GenePool,
    small_disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it writes to is filled when it begins; all has been compiled by then."""
    linker = tmp_path / "bin" / "cc"
    linker.parent.mkdir()
    confinement = replace(boxed(), readable=(real_sysroot(), linker.parent))
    builder = substrate.builder(small_disk / "workspace", pool, lambda: confinement)
    ballast = small_disk / "workspace" / "build" / "target" / "ballast"
    real = shutil.which("cc")
    linker.write_text(f'#!/bin/sh\nhead -c 99999999 /dev/zero >> {ballast}\nexec {real} "$@"\n')
    linker.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{linker.parent}:{os.environ['PATH']}")
        with pytest.raises(StorageError, match="the disk is full"):
            build_200(builder, pool, substrate)
    assert ballast.exists(), "the linker was never called"
    ballast.unlink()
    assert list(builder.programs.folder.iterdir()) == []
    assert_adds_200(build_200(builder, pool, substrate))


def test_limit_on_the_size_of_files_is_named(
    substrate: BoxedRust, healthy: Path, pool: GenePool, tmp_path: Path
) -> None:
    done = build_elsewhere(healthy, tmp_path, "files-of", "20000")
    told, _ = done.communicate(timeout=120)
    assert told.startswith("StorageError"), told
    assert "larger than this account may write" in told
    assert_adds_200(build_200(substrate.builder(tmp_path, pool), pool, substrate))
