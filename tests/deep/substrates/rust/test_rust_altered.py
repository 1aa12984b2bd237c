"""Faults: store, build area and sources altered behind our back, the clock, the toolchain."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from faults_support import (
    add_200,
    assert_adds_200,
    build_200,
    request_for,
    said,
)
from rust_support import BoxedRust
from toolchains import false_tools

from evolve_ai.model.agent import Cause
from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.plan import plan
from evolve_ai.substrates.rust.stored_batch import INDEX, PROGRAM, Origin

FUTURE = 2_000_000_000
STOLEN = b"#!/bin/sh\necho stolen\n"


@pytest.fixture(scope="module")
def built(substrate: BoxedRust, pool: GenePool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two batches, one with the pool's alpha, one also with another alpha."""
    workspace = tmp_path_factory.mktemp("built") / "workspace"
    builder = substrate.builder(workspace, pool)
    builder.build([request_for(pool, substrate)])
    assert_adds_200(build_200(builder, pool, substrate))
    return workspace


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Path:
    """A copy, times of files included."""
    return Path(shutil.copytree(built, tmp_path / "workspace", symlinks=True))


def batch_of_200(workspace: Path, pool: GenePool, substrate: BoxedRust) -> Path:
    builder = substrate.builder(workspace, pool)
    program = builder.ready([request_for(pool, substrate, add_200(pool))])
    (found,) = program.values()
    return found.file.parent


def overwrite(file: Path, data: bytes) -> None:
    file.chmod(0o755)
    file.write_bytes(data)


# What can happen to a batch in the store. Each gets its folder, and another batch.


def other_binary(batch: Path, other: Path) -> None:
    overwrite(batch / PROGRAM, STOLEN)


def half_a_binary(batch: Path, other: Path) -> None:
    code = (batch / PROGRAM).read_bytes()
    overwrite(batch / PROGRAM, code[: len(code) // 2])


def one_bit(batch: Path, other: Path) -> None:
    code = bytearray((batch / PROGRAM).read_bytes())
    code[len(code) // 2] ^= 1
    overwrite(batch / PROGRAM, bytes(code))


def no_binary(batch: Path, other: Path) -> None:
    (batch / PROGRAM).unlink()


def folder_for_a_binary(batch: Path, other: Path) -> None:
    (batch / PROGRAM).unlink()
    (batch / PROGRAM).mkdir()


def link_for_a_binary(batch: Path, other: Path) -> None:
    (batch / PROGRAM).rename(batch / "elsewhere")
    (batch / PROGRAM).symlink_to("elsewhere")


def pipe_for_a_binary(batch: Path, other: Path) -> None:
    (batch / PROGRAM).unlink()
    os.mkfifo(batch / PROGRAM)


def pipe_for_an_index(batch: Path, other: Path) -> None:
    (batch / INDEX).unlink()
    os.mkfifo(batch / INDEX)


def link_for_an_index(batch: Path, other: Path) -> None:
    (batch / INDEX).rename(batch / "elsewhere")
    (batch / INDEX).symlink_to("elsewhere")


def no_index(batch: Path, other: Path) -> None:
    (batch / INDEX).unlink()


def half_an_index(batch: Path, other: Path) -> None:
    text = (batch / INDEX).read_bytes()
    overwrite(batch / INDEX, text[: len(text) // 2])


def index_of_another_batch(batch: Path, other: Path) -> None:
    overwrite(batch / INDEX, (other / INDEX).read_bytes())


def index_and_binary_of_another_batch(batch: Path, other: Path) -> None:
    overwrite(batch / INDEX, (other / INDEX).read_bytes())
    overwrite(batch / PROGRAM, (other / PROGRAM).read_bytes())


def binary_of_another_batch(batch: Path, other: Path) -> None:
    overwrite(batch / PROGRAM, (other / PROGRAM).read_bytes())


def rows_in_another_order(batch: Path, other: Path) -> None:
    """The binary is intact, and each gene would be called by another's name."""
    index = json.loads((batch / INDEX).read_bytes())
    index["genes"].reverse()
    overwrite(batch / INDEX, json.dumps(index).encode())


def link_for_a_batch(batch: Path, other: Path) -> None:
    moved = batch.parents[2] / "moved"
    batch.rename(moved)
    batch.symlink_to(moved)


def file_for_a_batch(batch: Path, other: Path) -> None:
    shutil.rmtree(batch)
    batch.write_bytes(STOLEN)


Damage = Callable[[Path, Path], None]
DAMAGES: list[Damage] = [
    other_binary,
    half_a_binary,
    one_bit,
    no_binary,
    folder_for_a_binary,
    link_for_a_binary,
    pipe_for_a_binary,
    pipe_for_an_index,
    link_for_an_index,
    no_index,
    half_an_index,
    index_of_another_batch,
    index_and_binary_of_another_batch,
    binary_of_another_batch,
    rows_in_another_order,
    link_for_a_batch,
    file_for_a_batch,
]
# Nothing is left that says whose program it was.
UNKNOWN = (link_for_a_batch, file_for_a_batch)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_batch_is_never_run_and_made_again_when_somebody_revives(
    damage: Damage, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    batch = batch_of_200(workspace, pool, substrate)
    (other,) = set(batch.parent.iterdir()) - {batch}
    damage(batch, other)
    for run in range(2):  # what was altered stays so in the next run
        builder = substrate.builder(workspace, pool)
        verdict = build_200(builder, pool, substrate)
        if damage not in UNKNOWN:
            assert verdict.fault is not None and verdict.fault.cause is Cause.SIGNATURE, run
    builder.forget([request_for(pool, substrate, add_200(pool))])  # an operator revives
    if damage not in UNKNOWN:
        verdict = build_200(builder, pool, substrate)
        assert not verdict.reused
    assert_adds_200(verdict)
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))
    assert len(list(batch.parent.glob("broken-*"))) == 1


def test_agents_that_run_from_another_batch_do_not_mind_a_damaged_one(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    batch = batch_of_200(workspace, pool, substrate)
    one_bit(batch, batch)
    (verdict,) = substrate.builder(workspace, pool).build([request_for(pool, substrate)])
    assert verdict.program is not None and verdict.reused


def test_batch_that_is_altered_while_we_run_is_set_aside(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    builder = substrate.builder(workspace, pool)
    verdict = build_200(builder, pool, substrate)
    assert verdict.reused and verdict.program is not None
    overwrite(verdict.program.file, STOLEN)
    verdict = build_200(builder, pool, substrate)
    assert verdict.fault is not None and verdict.fault.cause is Cause.SIGNATURE
    builder.forget([request_for(pool, substrate, add_200(pool))])
    verdict = build_200(builder, pool, substrate)
    assert not verdict.reused
    assert_adds_200(verdict)


def test_program_says_what_its_file_has_to_be(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    for builder in (
        substrate.builder(workspace, pool),
        substrate.read_only_builder(workspace, pool),
    ):
        (program,) = builder.ready([request_for(pool, substrate)]).values()
        assert program.sha256 == hashlib.sha256(program.file.read_bytes()).hexdigest()


def test_signed_batch_of_a_file_that_the_audit_refuses_makes_nobody_ready(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    """As after a change of the policy that forgot to say so."""
    code = add_200(pool).replace(b"pub fn add", b"pub fn reads() { std::env::args(); }\npub fn add")
    builder = substrate.builder(workspace, pool)
    builder.sources.put(code)
    request = request_for(pool, substrate, code)
    made = builder._planner  # what a laxer audit would have planned
    wiring = plan([request], made, lambda *file: replace(builder._report(*file), findings=()))
    (needed,) = wiring.wirings.values()
    units = dict.fromkeys(needed.needs, ())
    binary = workspace / "binary"
    binary.write_bytes(STOLEN)
    builder.programs.add(binary, needed.genes(), Origin((), units, builder._policy.hash))
    assert builder.programs.find(needed) is not None
    later = substrate.builder(workspace, pool)
    assert later.ready([request]) == {}
    (verdict,) = later.build([request])
    assert verdict.fault is not None and verdict.fault.cause is Cause.AUDIT


# What can happen to the build area: each gets its folder.


def crates(area: Path, *patterns: str) -> list[Path]:
    found = [path for one in patterns for path in (area / "target").rglob(f"deps/*{one}")]
    assert found
    return found


def half_crates(area: Path) -> None:
    for path in crates(area, ".rlib"):
        os.truncate(path, path.stat().st_size // 2)


def half_metadata(area: Path) -> None:
    for path in crates(area, ".rmeta"):
        os.truncate(path, path.stat().st_size // 2)


def one_wrong_number_in_a_crate(area: Path) -> None:
    """The machine code of alpha adds another number: no compiler or linker could tell."""
    wrong = None
    for path in crates(area, ".rlib"):
        code = path.read_bytes()
        before, after = _double(100.0), _double(7.0)
        if before in code and "unit" in path.name:
            path.write_bytes(code.replace(before, after))
            wrong = path
    assert wrong is not None, "no crate holds the number"


def _double(number: float) -> bytes:
    return struct.pack("<d", number)


def torn_fingerprints(area: Path) -> None:
    for path in (area / "target").rglob(".fingerprint/*/*"):
        os.truncate(path, path.stat().st_size // 2)


def no_fingerprints(area: Path) -> None:
    for path in (area / "target").rglob(".fingerprint"):
        shutil.rmtree(path)


def torn_lock_file(area: Path) -> None:
    (area / "Cargo.lock").write_bytes(b"version = 4\n[[package]\nname = ")


def torn_seal(area: Path) -> None:
    (area / "seal.json").write_bytes(b'{"release')


def torn_facts_of_rustc(area: Path) -> None:
    (area / "target" / ".rustc_info.json").write_bytes(b'{"rustc_')


def torn_manifests(area: Path) -> None:
    for path in area.rglob("Cargo.toml"):
        os.truncate(path, path.stat().st_size // 2)


def other_source(area: Path) -> None:
    """Compiled by somebody else's cargo, from a source that is not what its name says."""
    for path in (area / "units").glob("*/src/genes/alpha.rs"):
        path.write_text(path.read_text().replace("200.0", "14.0").replace("6.0", "14.0"))


def no_source(area: Path) -> None:
    shutil.rmtree(area / "units")


def pipe_for_a_reason(area: Path) -> None:
    for unit in (area / "units").iterdir():
        (area / "failed").mkdir(exist_ok=True)
        os.mkfifo(area / "failed" / unit.name)


AreaDamage = Callable[[Path], None]
AREA_DAMAGES: list[AreaDamage] = [
    half_crates,
    half_metadata,
    one_wrong_number_in_a_crate,
    torn_fingerprints,
    no_fingerprints,
    torn_lock_file,
    torn_seal,
    torn_facts_of_rustc,
    torn_manifests,
    other_source,
    no_source,
    pipe_for_a_reason,
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("damage", AREA_DAMAGES, ids=lambda damage: damage.__name__)
def test_damaged_build_area_makes_right_programs(
    damage: AreaDamage, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    shutil.rmtree(workspace / "store" / "programs")
    damage(workspace / "build")
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


@pytest.mark.parametrize("clock", ["as it was", "set back"])
def test_altered_source_that_somebody_compiled_in_the_area_is_not_run(
    clock: str, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    shutil.rmtree(workspace / "store" / "programs")
    area = workspace / "build"
    other_source(area)
    subprocess.run(
        ["cargo", "build", "--release", "--offline", "-q"],
        cwd=area,
        env={**os.environ, "CARGO_TARGET_DIR": str(area / "target")},
        check=True,
    )
    if clock == "set back":
        (area / "seal.json").unlink()  # as if it had been a part of our own build
        age(workspace)
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


def age(workspace: Path) -> None:
    """As a clock leaves it that is set back by years: everything comes from the future."""
    for path in workspace.rglob("*"):
        os.utime(path, (FUTURE, FUTURE), follow_symlinks=False)


def test_clock_set_back_between_runs_brings_nothing_old_back(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    age(workspace)
    builder = substrate.builder(workspace, pool)
    assert_adds_200(build_200(builder, pool, substrate))
    code = add_200(pool).replace(b"200.0", b"40.0")
    builder.sources.put(code)
    (verdict,) = builder.build([request_for(pool, substrate, code)])
    assert said(verdict) == "alpha::add 20\ngamma::negate -20\n"
    age(workspace)
    shutil.rmtree(workspace / "store" / "programs")
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


@pytest.mark.parametrize("damage", ["altered", "half", "pipe", "link"])
def test_altered_source_in_the_store_is_put_right_when_it_is_met_again(
    damage: str, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    builder: RustBuilder = substrate.builder(workspace, pool)
    code = builder.sources.put(add_200(pool))
    file = workspace / "store" / "sources" / code[:2] / code
    data = file.read_bytes()
    file.unlink()
    if damage == "pipe":
        os.mkfifo(file)
    elif damage == "link":
        (workspace / "elsewhere").write_bytes(b"pub fn stolen() {}")
        file.symlink_to(workspace / "elsewhere")
    else:
        file.write_bytes(data[:20] if damage == "half" else data.replace(b"200.0", b"900.0"))
    shutil.rmtree(workspace / "store" / "programs")
    shutil.rmtree(workspace / "build")
    later = substrate.builder(workspace, pool)
    request = request_for(pool, substrate, data)
    (lost,) = later.build([request])
    assert lost.fault is not None and "is not in the store" in lost.fault.reason
    assert_adds_200(build_200(substrate.builder(workspace, pool), pool, substrate))


def test_other_toolchain_compiles_everything_anew(
    substrate: BoxedRust,
    pool: GenePool,
    workspace: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = workspace / "build" / "target" / "compiled"
    other = (
        'if [ "$*" = -vV ]; then "$REAL" -vV | sed "s/^release: .*/release: 1.99.0/; '
        's/^rustc [^ ]*/rustc 1.99.0/"; exit; fi\n'
        f'[ "$1" = --crate-name ] && echo "$2" >> {compiled}'
    )
    for name, value in false_tools(tmp_path / "bin", other).items():
        monkeypatch.setenv(name, value)
    changed = BoxedRust()
    assert "rustc 1.99.0" in changed.toolchain()
    assert "rustc 1.99.0" not in substrate.toolchain()
    old, new = request_for(pool, substrate), request_for(pool, changed)
    assert old.fingerprint != new.fingerprint
    builder = changed.builder(workspace, pool)
    assert builder.ready([new]) == {}
    (verdict,) = builder.build([new])
    assert not verdict.reused
    assert said(verdict) == "alpha::add 3\ngamma::negate -3\n"
    names = compiled.read_text().split()
    assert len([name for name in names if name.startswith("evolve_unit_")]) == 4
    assert len([name for name in names if name.startswith("evolve_kernel_")]) == 1
