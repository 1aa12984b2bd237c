"""Tests of the explanation of builds, with real cargo where something has to be built."""

import hashlib
from pathlib import Path

from rust_support import FIXTURES, BoxedRust, genome_of, request_of

from evolve_ai.model.agent import Cause
from evolve_ai.model.report import BuildRequest, Explanation, GenePool

BROKEN = (FIXTURES / "compiler_refuses_the_types" / "src" / "genes" / "alpha.rs").read_bytes()


def asked(
    substrate: BoxedRust, pool: GenePool, edited: bytes | None = None, **active: list[str]
) -> BuildRequest:
    codes = {"alpha": edited} if edited else None
    return request_of(substrate, genome_of(pool, active, codes), pool)


def told(
    substrate: BoxedRust, workspace: Path, pool: GenePool, request: BuildRequest, *code: bytes
) -> Explanation:
    seen = {hashlib.sha256(data).hexdigest(): data for data in code}
    return substrate.read_only_builder(workspace, pool).explain(request, seen)


def test_read_only_builder_makes_nothing_and_calls_new_units_unbuilt(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    request = asked(substrate, pool, ping=["ping"], pong=[], alpha=["add"])
    found = told(substrate, tmp_path / "workspace", pool, request)
    assert not (tmp_path / "workspace").exists()
    assert (found.program, found.fault) == (None, None)
    circle, alpha = found.units
    assert circle.files == ("src/genes/ping.rs", "src/genes/pong.rs")
    assert alpha.files == ("src/genes/alpha.rs",)
    assert {unit.state for unit in found.units} == {"unbuilt"}
    assert found.reason.startswith("no batch holds the unit of src/genes/ping.rs (and 2 more)")


def test_ingredients_are_what_the_fingerprint_hashes(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    request = asked(substrate, pool, gamma=["negate"], alpha=["double", "add"])
    found = told(substrate, tmp_path, pool, request)
    text = "\n".join(f"{name} {value}" for name, value in found.ingredients)
    assert hashlib.sha256(text.encode()).hexdigest() == request.fingerprint
    names = [name for name, _ in found.ingredients[:5]]
    assert names == [
        "kernel and manifest", "toolchain", "processor",
        "profile and crates", "calls",
    ]  # fmt: skip
    assert dict(found.ingredients)["calls"] == "gamma::negate alpha::double alpha::add"


def test_program_of_a_batch_is_found_with_its_units(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    request = asked(substrate, pool, gamma=["negate"], beta=["scale"])
    (verdict,) = substrate.builder(workspace, pool).build([request])
    found = told(substrate, workspace, pool, request)
    assert found.program == verdict.program
    assert [unit.state for unit in found.units] == ["ready"] * len(request.files)
    assert found.reason.startswith("all ")


def test_refused_unit_is_told_with_reason_and_day(
    substrate: BoxedRust, pool: GenePool, workspace: Path
) -> None:
    request = asked(substrate, pool, BROKEN, gamma=["negate"], alpha=["add"])
    builder = substrate.builder(workspace, pool)
    builder.sources.put(BROKEN)
    (verdict,) = builder.build([request])
    found = told(substrate, workspace, pool, request, BROKEN)
    assert found.fault == verdict.fault
    assert found.fault is not None
    assert found.reason.startswith(f"{found.fault.reason} (found on 2")
    states = {unit.files[0]: unit.state for unit in found.units}
    assert states["src/genes/alpha.rs"] == "failed"
    assert states["src/genes/gamma.rs"] == "ready"


def test_code_that_only_the_folder_has_is_read_from_there(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    lost = asked(substrate, pool, BROKEN, alpha=["add"])
    found = told(substrate, tmp_path, pool, lost)
    assert found.fault is not None
    assert "is not in the store" in found.reason
    assert told(substrate, tmp_path, pool, lost, BROKEN).fault is None
    silent = asked(substrate, pool, b"fn {", alpha=["add"])
    found = told(substrate, tmp_path, pool, silent, b"fn {")
    assert found.fault is not None
    assert found.fault.cause is Cause.BUILD
    assert found.ingredients


def test_units_of_different_batches_are_to_be_linked(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path
) -> None:
    mine = {
        module: next(data for data in pool.code.values() if word in data) + b"\n// Mine.\n"
        for module, word in (("alpha", b"alpha_step"), ("gamma", b"pub fn negate("))
    }
    genes = {"alpha": ["add"], "gamma": ["negate"]}
    builder = substrate.builder(tmp_path, pool)
    for module, code in mine.items():
        builder.sources.put(code)
        one = genome_of(pool, {module: genes[module]}, {module: code})
        (verdict,) = builder.build([request_of(substrate, one, pool)])
        assert verdict.program is not None
    both = request_of(substrate, genome_of(pool, genes, mine), pool)
    found = told(substrate, tmp_path, pool, both)
    assert [unit.state for unit in found.units] == ["ready", "ready"]
    assert (found.program, found.fault) == (None, None)
    assert found.reason == "no batch holds all of its units together; the next build links one"
