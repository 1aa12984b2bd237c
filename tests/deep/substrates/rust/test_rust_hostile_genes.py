"""Genes that attack the machine that compiles them, past the audit that refuses them all."""

from dataclasses import replace
from pathlib import Path

import pytest
from faults_support import made_with, said
from hostile_support import SETTINGS
from rust_support import BoxedRust, boxed, compiler_of, genome_of, request_of

from evolve_ai.model.report import BuildVerdict, GenePool
from evolve_ai.model.sandbox import Protection
from evolve_ai.model.settings import GIB, BuildSettings
from evolve_ai.substrates.rust.builder import RustBuilder

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
    ("code", "told", "seconds"),
    [
        (STATIC, "the compiler ran out of memory", 60.0),
        (STATIC.replace(b"= [1;", b"= [0;"), "the compiler ran out of memory", 60.0),
        (ENDLESS, "the compiler took over", 15.0),
    ],
    ids=["static of 16 GiB", "zeros of 16 GiB", "endless constant"],
)
def test_gene_that_would_use_up_the_machine_fails_alone(
    code: bytes, told: str, seconds: float, substrate: BoxedRust, pool: GenePool, warm: Path
) -> None:
    impatient = BuildSettings(timeout=seconds, silence=seconds, memory_bytes=2 * GIB)
    bad, good = build_unaudited(code, substrate, pool, warm, impatient)
    assert reason(bad).startswith("src/genes/alpha.rs:1: ")
    assert told in reason(bad)
    assert bad.outside
    assert said(good) == "gamma::negate -0\n"
