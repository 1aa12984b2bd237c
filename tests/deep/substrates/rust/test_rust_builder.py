"""Tests of building with real cargo, and with false ones that hang, crash or are missing."""

import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from rust_support import FIXTURES, BoxedRust, compiler_of, copy_template, genome_of, request_of, sha
from toolchains import false_tools

from evolve_ai.model.agent import Cause
from evolve_ai.model.errors import StorageError, TemplateError, ToolchainError
from evolve_ai.model.report import BuildProgress, BuildRequest, BuildVerdict, GenePool
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.area import BuildArea
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.toolchain import find_toolchain

BROKEN = (FIXTURES / "compiler_refuses_the_types" / "src" / "genes" / "alpha.rs").read_bytes()
IMPOSTOR = b"pub struct Agent;\npub fn add(agent: &mut Agent) { let _ = agent; }\n"
OTHER = (("toolchain", "4294967295 toolchain"),)


def run(verdict: BuildVerdict) -> str:
    assert verdict.program is not None, verdict.fault
    argv = [str(verdict.program.file), *verdict.program.arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def build_altered(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool, step: bytes = b"0.0, 200.0"
) -> BuildVerdict:
    """Build a wiring with a version of alpha that only a compiler can make; it adds half of 200."""
    code = next(data for data in pool.code.values() if b"alpha_step" in data)
    other = code.replace(b"0.0, 6.0", step)
    builder.sources.put(other)
    genome = genome_of(pool, {"alpha": ["add"]}, {"alpha": other})
    (verdict,) = builder.build([request_of(substrate, genome, pool)])
    assert not verdict.reused
    return verdict


def wirings(
    pool: GenePool, substrate: BoxedRust, *active: dict[str, list[str]]
) -> list[BuildRequest]:
    return [
        request_of(substrate, genome_of(pool, one, number=at + 1), pool)
        for at, one in enumerate(active)
    ]


def test_each_wiring_of_a_batch_runs_its_own_genes_in_order(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = substrate.builder(tmp_path, pool)
    requests = wirings(
        pool,
        substrate,
        {"alpha": ["add", "double"]},
        {"alpha": ["double", "add"]},
        {"gamma": ["negate"], "beta": ["scale"], "alpha": ["add"]},
        {"ping": ["ping"], "pong": ["pong"]},
        {},
    )
    seen: list[BuildProgress] = []
    verdicts = builder.build(requests, seen.append)
    assert [run(verdict) for verdict in verdicts] == [
        "alpha::add 3\nalpha::double 6\n",
        "alpha::double 0\nalpha::add 3\n",
        "gamma::negate -0\nbeta::scale 10\nalpha::add 13\n",
        "ping::ping 12\npong::pong 111\n",
        "",
    ]
    assert [verdict.agent for verdict in verdicts] == [request.agent for request in requests]
    assert not any(verdict.reused for verdict in verdicts)
    units = len(pool.sources) - 1  # ping and pong use each other, so they are one
    assert seen[0] == BuildProgress(0, units, 5)
    assert seen[-1] == BuildProgress(units, units, 5, over=True)
    done = [news.units_done for news in seen]
    assert done == sorted(done)
    assert len(set(done)) > 2


def test_relative_workspace_gives_programs_that_start_from_anywhere(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    builder = substrate.builder(Path("workspace"), pool)
    (verdict,) = builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    monkeypatch.chdir("/")
    assert run(verdict) == "alpha::add 3\n"


def test_known_wiring_is_not_built_again_and_twins_are_built_once(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    (request,) = wirings(pool, substrate, {"gamma": ["negate"]})
    twin = replace(request, agent="twin")
    first, second = builder.build([request, twin])
    assert first.program == second.program
    later = substrate.builder(workspace, pool)
    started = time.monotonic()
    (again,) = later.build([twin])
    assert time.monotonic() - started < 0.1
    assert again.reused
    assert again.program == first.program
    assert later.ready([request]) == {request.fingerprint: first.program}


def test_broken_gene_fails_exactly_the_wirings_that_need_it(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool
) -> None:
    builder.sources.put(BROKEN)
    sound = genome_of(pool, {"alpha": ["double", "add"], "gamma": ["negate"]}, number=1)
    broken = genome_of(pool, {"gamma": [], "alpha": []}, {"alpha": BROKEN}, number=2)
    beside = genome_of(pool, {"gamma": ["negate"], "pong": [], "ping": []}, number=3)
    requests = [request_of(substrate, genome, pool) for genome in (sound, broken, beside)]
    one, two, three = builder.build(requests)
    assert run(one) == "alpha::double 0\nalpha::add 3\ngamma::negate -3\n"
    assert run(three) == "gamma::negate -0\n"
    assert two.program is None
    assert two.fault is not None
    assert two.fault.cause is Cause.BUILD
    assert two.fault.reason.startswith("src/genes/alpha.rs:4: error[E0277]: cannot add-assign")
    assert "evolve_" not in two.fault.reason


def test_unit_that_failed_is_not_compiled_again(
    builder: RustBuilder,
    substrate: BoxedRust,
    pool: GenePool,
    monkeypatch: pytest.MonkeyPatch,
    workspace: Path,
) -> None:
    builder.sources.put(BROKEN)
    one = genome_of(pool, {"alpha": ["add"]}, {"alpha": BROKEN})
    two = genome_of(pool, {"alpha": ["add"], "gamma": []}, {"alpha": BROKEN})
    (first,) = builder.build([request_of(substrate, one, pool)])
    later = substrate.builder(workspace, pool)
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.run_boxed", None)
    (second,) = later.build([request_of(substrate, two, pool)])
    assert first.fault == second.fault


@pytest.mark.parametrize("code", [BROKEN, IMPOSTOR], ids=["unit", "gene"])
def test_failure_that_is_to_be_forgotten_is_tried_again(
    code: bytes, builder: RustBuilder, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    builder.sources.put(code)
    request = request_of(substrate, genome_of(pool, {"alpha": ["add"]}, {"alpha": code}), pool)
    (first,) = builder.build([request])
    failed = workspace / "build" / "failed"
    kept = {path.name: path.stat().st_mtime_ns for path in failed.iterdir()}
    for one in (builder, substrate.builder(workspace, pool)):
        one.forget([request])
        (again,) = one.build([request])
        assert again.fault == first.fault
    assert {path.name for path in failed.iterdir()} == kept.keys()
    assert any(path.stat().st_mtime_ns != kept[path.name] for path in failed.iterdir())


def test_two_versions_of_one_file_live_in_one_batch(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool
) -> None:
    code = next(data for data in pool.code.values() if b"alpha_step" in data)
    other = code.replace(b"0.0, 6.0", b"0.0, 200.0")
    builder.sources.put(other)
    genomes = [
        genome_of(pool, {"alpha": ["add"], "pong": [], "ping": []}, codes, number=at)
        for at, codes in enumerate(({}, {"alpha": other}))
    ]
    verdicts = builder.build([request_of(substrate, genome, pool) for genome in genomes])
    assert [run(verdict) for verdict in verdicts] == ["alpha::add 3\n", "alpha::add 100\n"]


def test_gene_whose_agent_is_another_type_fails_alone(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool
) -> None:
    builder.sources.put(IMPOSTOR)
    bad = genome_of(pool, {"alpha": ["add"]}, {"alpha": IMPOSTOR}, number=1)
    silent = genome_of(pool, {"alpha": []}, {"alpha": IMPOSTOR}, number=2)
    good = genome_of(pool, {"alpha": ["double"]}, number=3)
    one, two, three = builder.build([request_of(substrate, g, pool) for g in (bad, silent, good)])
    assert one.fault is not None
    assert one.fault.reason.startswith("src/main.rs: alpha::add: error[E0308]")
    assert run(two) == ""
    assert run(three) == "alpha::double 0\n"


def test_refused_unknown_and_unlinked_code_never_reaches_the_compiler(
    builder: RustBuilder,
    substrate: BoxedRust,
    pool: GenePool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.run_boxed", None)
    evil = (FIXTURES / "gene_that_reads_files" / "src" / "genes" / "alpha.rs").read_bytes()
    torn = (FIXTURES / "gene_with_syntax_error" / "src" / "genes" / "alpha.rs").read_bytes()
    builder.sources.put(evil)
    builder.sources.put(torn)
    genomes = [
        genome_of(pool, {"alpha": ["add"]}, {"alpha": evil}),
        genome_of(pool, {"alpha": ["add"]}, {"alpha": torn}),
        genome_of(pool, {"alpha": ["add"]}, {"alpha": b"never stored"}),
        genome_of(pool, {"beta": ["scale"]}),
        genome_of(pool, {"gamma": ["scaled"]}),
    ]
    verdicts = builder.build([request_of(substrate, genome, pool) for genome in genomes])
    told = [(verdict.fault.cause, verdict.fault.reason) for verdict in verdicts if verdict.fault]
    assert [cause for cause, _ in told] == [Cause.AUDIT, *[Cause.BUILD] * 4]
    reasons = [reason for _, reason in told]
    assert reasons[0].startswith("src/genes/alpha.rs:4: `std::fs::read` is not allowed")
    assert reasons[1].startswith("src/genes/alpha.rs:4: ")
    assert sha(b"never stored")[:12] in reasons[2]
    assert "crate::genes::gamma, which is not active" in reasons[3]
    assert "gamma::scaled" in reasons[4]


def test_altered_program_is_never_run_and_rebuilt_when_it_is_forgiven(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    (request,) = wirings(pool, substrate, {"alpha": ["double", "add"], "pong": [], "ping": []})
    (first,) = substrate.builder(tmp_path, pool).build([request])
    assert first.program is not None
    first.program.file.chmod(0o755)
    first.program.file.write_bytes(b"#!/bin/sh\necho stolen\n")
    later = substrate.builder(tmp_path, pool)
    assert later.ready([request]) == {}
    (second,) = later.build([request])
    assert second.fault is not None and second.fault.cause is Cause.SIGNATURE
    later.forget([request])
    (third,) = later.build([request])
    assert not third.reused
    assert run(third) == "alpha::double 0\nalpha::add 3\n"


def test_torn_build_area_is_cleaned_and_used_again(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = substrate.builder(tmp_path, pool)
    builder.build(wirings(pool, substrate, {"gamma": ["negate"], "alpha": []}))
    for file in (tmp_path / "build" / "target").glob("**/lib*.r*"):
        file.write_bytes(b"")
    verdict = build_altered(builder, substrate, pool)
    assert run(verdict) == "alpha::add 100\n"


def test_altered_source_in_the_store_fails_its_agent_alone(
    builder: RustBuilder, substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    other = b"use crate::kernel::Agent;\npub fn add(agent: &mut Agent) { agent.value = 5.0; }\n"
    code = builder.sources.put(other)
    of_pool = pool.sources[0].code
    for name in (code, of_pool):
        (workspace / "store" / "sources" / name[:2] / name).write_bytes(b"altered")
    genomes = [
        genome_of(pool, {"alpha": ["add"]}, {"alpha": other}, number=1),
        genome_of(pool, {"alpha": ["double"], "pong": ["pong"], "ping": ["ping"]}, number=2),
    ]
    one, two = builder.build([request_of(substrate, genome, pool) for genome in genomes])
    assert one.fault is not None
    assert "is not in the store" in one.fault.reason
    assert run(two) == "alpha::double 0\npong::pong 3\nping::ping 39\n"


def test_clock_that_went_back_does_not_bring_back_an_older_batch(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = substrate.builder(tmp_path, pool)
    builder.build(wirings(pool, substrate, {"gamma": ["negate"], "alpha": ["add"]}))
    for path in (tmp_path / "build").rglob("*"):
        os.utime(path, (2_000_000_000, 2_000_000_000))
    assert run(build_altered(builder, substrate, pool)) == "alpha::add 100\n"


def test_units_and_kernels_longest_unused_leave_the_build_area(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = substrate.builder(tmp_path, pool)
    builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    area = BuildArea(tmp_path / "build", pool, "")
    units = sorted((tmp_path / "build" / "units").iterdir())
    for at, unit in enumerate(units):
        os.utime(unit, (at, at))
    assert area.prune({units[0].name}, limit=1) == len(units) - 2
    kept, *old, new = units
    assert kept.exists()
    assert not any(
        unit.exists() or list(area.target.folder.rglob(f"*{unit.name}*")) for unit in old
    )
    assert list(area.target.folder.rglob(f"*{new.name}*"))
    assert run(build_altered(builder, substrate, pool)) == "alpha::add 100\n"


def test_target_folder_does_not_grow_with_batches(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    builder = substrate.builder(tmp_path, pool)
    sizes = []
    for step in (b"0.0, 200.0", b"0.0, 300.0", b"0.0, 400.0"):
        build_altered(builder, substrate, pool, step)
        files = (tmp_path / "build" / "target").rglob("*")
        sizes.append(sum(1 for path in files if "_unit_" not in str(path)))
    assert sizes[1] == sizes[2]
    assert builder.prune([], ()) == 0  # far below the limit


def test_user_s_own_cargo_settings_do_not_reach_a_build(
    substrate: BoxedRust,
    pool: GenePool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("RUSTFLAGS", "--cfg nonsense -C no-such-flag")
    monkeypatch.setenv("CARGO_TARGET_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CARGO_PROFILE_RELEASE_OPT_LEVEL", "nonsense")
    monkeypatch.setenv("RUSTC_WRAPPER", "/nonexistent")
    requests = wirings(pool, substrate, {"pong": ["pong"], "ping": []})
    builder = substrate.builder(tmp_path / "workspace", pool)
    assert run(builder.build(requests)[0]) == "pong::pong 3\n"
    assert not (tmp_path / "elsewhere").exists()


def test_kernel_that_does_not_compile_is_the_template_s_fault(
    substrate: BoxedRust, tmp_path: Path
) -> None:
    template = copy_template(tmp_path / "template")
    kernel = template / "src" / "kernel" / "agent.rs"
    kernel.write_text(kernel.read_text() + 'pub fn wrong() -> f64 { "text" }\n')
    pool = substrate.read_pool(template)
    builder = substrate.builder(tmp_path / "workspace", pool)
    with pytest.raises(TemplateError) as caught:
        builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    assert caught.value.where == "src/kernel/agent.rs:13"
    assert "error[E0308]" in caught.value.what


def false_cargo(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put a cargo before the real one."""
    for name, value in false_tools(folder, cargo=script).items():
        monkeypatch.setenv(name, value)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_cargo_that_hangs_is_killed_with_its_children(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = wirings(pool, substrate, {"alpha": ["add"]})
    false_cargo(
        tmp_path / "bin",
        monkeypatch,
        "trap '' TERM; cd $CARGO_TARGET_DIR; sleep 600 & echo $! > child; echo $$ > self; wait",
    )
    impatient = BuildSettings(timeout=20.0, silence=1.0)
    builder = RustBuilder(
        tmp_path / "workspace", pool, lambda: OTHER, compiler_of(impatient), impatient
    )
    started = time.monotonic()
    with pytest.raises(ToolchainError, match="silence timeout"):
        builder.build(requests)
    assert time.monotonic() - started < 5
    target = tmp_path / "workspace" / "build" / "target"
    assert not alive(int((target / "self").read_text()))
    assert not alive(int((target / "child").read_text()))


def test_unit_on_which_the_compiler_hangs_fails_alone(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = (
        b"use crate::kernel::Agent;\n"
        b"#[allow(long_running_const_eval)]\n"
        b"const N: u64 = { let mut n = 0u64; while n < 1 << 60 { n += 1; } n };\n"
        b"pub fn add(agent: &mut Agent) { agent.value = N as f64; }\n"
    )
    rules = "evolve_ai.substrates.rust.audit"  # which would refuse it before the compiler does
    monkeypatch.setattr(f"{rules}.constant_errors", lambda root: [])
    monkeypatch.setattr(f"{rules}.LINTS", {"long_running_const_eval"})
    impatient = BuildSettings(timeout=5.0, silence=5.0)
    builder = RustBuilder(
        tmp_path / "workspace",
        pool,
        lambda: (("toolchain", substrate.toolchain()),),
        compiler_of(impatient),
        impatient,
    )
    builder.sources.put(endless)
    bad = genome_of(pool, {"alpha": ["add"]}, {"alpha": endless}, number=1)
    good = genome_of(pool, {"gamma": ["negate"]}, number=2)
    one, two = builder.build([request_of(substrate, genome, pool) for genome in (bad, good)])
    assert one.fault is not None
    assert one.fault.reason.startswith("src/genes/alpha.rs:1: the compiler took over ")
    assert run(two) == "gamma::negate -0\n"


def test_full_disk_is_told_as_such(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false_cargo(
        tmp_path / "bin", monkeypatch, "echo 'error: No space left on device' >&2; exit 101"
    )
    builder = RustBuilder(tmp_path / "workspace", pool, lambda: OTHER, compiler_of())
    with pytest.raises(StorageError, match="the disk is full"):
        builder.build(wirings(pool, substrate, {"alpha": ["add"]}))


def test_cargo_that_fails_by_itself_is_told_with_its_words(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    false_cargo(tmp_path / "bin", monkeypatch, "echo 'error: no such thing' >&2; exit 101")
    builder = RustBuilder(tmp_path / "workspace", pool, lambda: OTHER, compiler_of())
    with pytest.raises(ToolchainError) as caught:
        builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    assert "no such thing" in str(caught.value)


def test_machine_without_cargo_is_told_how_to_get_it(
    pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    with pytest.raises(ToolchainError, match="not on the PATH") as caught:
        BoxedRust().toolchain()
    assert "rustup" in (caught.value.todo or "")


def test_wiring_of_units_that_a_batch_holds_needs_no_compiler(
    builder: RustBuilder,
    substrate: BoxedRust,
    pool: GenePool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.run_boxed", None)
    never_seen = wirings(
        pool,
        substrate,
        {
            "beta": ["scale"],
            "gamma": ["negate"],
            "alpha": ["double", "add"],
            "pong": [],
            "ping": [],
        },
        {"ping": ["ping"], "pong": [], "gamma": []},
    )
    one, two = builder.build(never_seen)
    assert one.reused and two.reused
    assert run(one) == "beta::scale 10\ngamma::negate -10\nalpha::double -20\nalpha::add -17\n"
    assert run(two) == "ping::ping 12\n"


def test_gene_that_failed_is_remembered_too(
    substrate: BoxedRust,
    pool: GenePool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builder = substrate.builder(tmp_path, pool)
    builder.sources.put(IMPOSTOR)
    bad = genome_of(pool, {"alpha": ["add"]}, {"alpha": IMPOSTOR})
    (first,) = builder.build([request_of(substrate, bad, pool)])
    later = substrate.builder(tmp_path, pool)
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.run_boxed", None)
    (second,) = later.build([request_of(substrate, bad, pool)])
    assert first.fault is not None
    assert first.fault == second.fault


def test_batches_that_are_mostly_dead_are_gathered_in_one(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evolve_ai.substrates.rust.builder.COMPACTION", 2)
    builder = substrate.builder(tmp_path, pool)
    programs = tmp_path / "store" / "programs"
    requests = []
    for number in range(6):
        code = next(data for data in pool.code.values() if b"alpha_step" in data)
        other = code.replace(b"0.0, 6.0", b"0.0, %d.0" % (2 * number + 20))
        builder.sources.put(other)
        genome = genome_of(pool, {"alpha": ["add"]}, {"alpha": other}, number=number + 1)
        requests.append(request_of(substrate, genome, pool))
        builder.build(requests[-1:])
    assert len(list(programs.iterdir())) == 6
    old = builder.ready(requests)
    runs = old[requests[0].fingerprint].file
    assert builder.prune(requests, {runs}) == 5
    assert {path.name for path in programs.iterdir()} > {runs.parent.name}
    assert len(list(programs.iterdir())) == 2
    verdicts = builder.build(requests)
    assert all(verdict.reused for verdict in verdicts)
    assert [run(one) for one in verdicts] == [f"alpha::add {10 + at}\n" for at in range(6)]
    assert len({verdict.program.file for verdict in verdicts if verdict.program}) == 1
    assert builder.prune(requests, ()) == 0, "one batch that is all alive stays as it is"


@pytest.mark.parametrize("argument", [None, "", "genes:99999", "genes:-1", "genes:x", "0"])
def test_batch_that_is_told_nonsense_runs_nothing(
    argument: str | None, builder: RustBuilder, substrate: BoxedRust, pool: GenePool
) -> None:
    (verdict,) = builder.build(wirings(pool, substrate, {"alpha": ["add"]}))
    assert verdict.program is not None
    argv = [str(verdict.program.file), *([] if argument is None else [argument])]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""


def test_genome_without_an_active_file_runs_no_program_of_another_compiler(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    (request,) = wirings(pool, substrate, {})
    substrate.builder(tmp_path, pool).build([request])
    other = RustBuilder(tmp_path, pool, lambda: (("toolchain", "another"),), None)
    assert other.ready([request]) == {}


def test_compiler_that_changes_during_a_run_ends_it(
    healthy: Path, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "cargo"))
    monkeypatch.setenv("RUSTUP_HOME", os.environ.get("RUSTUP_HOME") or f"{Path.home()}/.rustup")
    substrate = BoxedRust(home=tmp_path)
    builder = substrate.builder(tmp_path / "workspace", pool)
    requests = wirings(pool, substrate, {"alpha": ["add"]})
    tools = find_toolchain(tmp_path)
    other = '[ "$1" = -vV ] && "$REAL" -vV | sed s/LLVM/OTHER/ && exit\n'
    false_tools(tmp_path / "other" / "bin", rustc=other)
    changed = replace(tools, rustc=tmp_path / "other" / "bin" / "rustc")
    monkeypatch.setattr(substrate, "_tools", changed)
    with pytest.raises(ToolchainError, match="not what it was when this run began"):
        builder.build(requests)
    later = BoxedRust(home=tmp_path)
    later._tools = changed
    assert wirings(pool, later, {"alpha": ["add"]})[0].fingerprint != requests[0].fingerprint


def test_what_the_machine_does_to_a_compiler_is_told_apart(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = substrate.builder(tmp_path, pool)
    (request,) = wirings(pool, substrate, {"alpha": ["add"]})
    planner = builder._planner
    unit = planner.plan(request.files).units["alpha"]
    builder._stuck[unit.name] = "src/genes/alpha.rs:1: the compiler took over 120 s"
    monkeypatch.setattr("evolve_ai.substrates.rust.compiler.run_boxed", None)
    (verdict,) = builder.build([request])
    assert (verdict.outside, verdict.reused, verdict.program) == (True, True, None)
    assert verdict.fault is not None
    assert "took over" in verdict.fault.reason
