"""A share of the fuzzing that campaign.py does at length, of what is compiled by cargo."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import campaign
import pytest
from campaign import HERE, RUST, fuzz
from fuzz_shares import PYTHON_RUNS, SEED, changed, needs_atheris
from made_once import ROOT, made_once
from targets import Genomes, Judge

RUST_RUNS = 200_000


@pytest.fixture(scope="module")
def judge_program() -> Path:
    folder = made_once("judge", [HERE / "judge", ROOT / "agent_template"], campaign.judge)
    return campaign.judge_in(folder)


@pytest.fixture
def judge(judge_program: Path) -> Iterator[Judge]:
    asked = Judge(judge_program)
    yield asked
    asked.close()


@pytest.fixture(scope="module")
def rust_fuzzers(crate_registry: None) -> Path:
    if not shutil.which("g++"):
        pytest.skip("libFuzzer is compiled with g++, which is not here")
    made_of = [
        HERE / "rust",
        HERE / "campaign.py",
        ROOT / "agent_template",
        ROOT / "evolve_ai/keeper",
    ]
    return campaign.fuzzers_in(made_once("fuzzers", made_of, campaign.rust_fuzzers))


def test_no_genome_is_read_by_one_language_only(judge: Judge) -> None:
    for data in changed("genomes", PYTHON_RUNS):
        Genomes(judge)(data)


@needs_atheris
def test_coverage_leads_to_no_genome_that_is_read_by_one_language_only(
    judge_program: Path, tmp_path: Path
) -> None:
    program = [*campaign.OURS, "genomes", str(judge_program)]
    assert fuzz(program, "genomes", PYTHON_RUNS, tmp_path / "genomes", SEED).runs >= PYTHON_RUNS


@pytest.mark.parametrize("target", RUST)
def test_coverage_leads_rust_to_no_bytes_that_break_a_promise(
    target: str, rust_fuzzers: Path, tmp_path: Path
) -> None:
    found = fuzz([str(rust_fuzzers / target)], target, RUST_RUNS, tmp_path / target, SEED)
    assert found.runs >= RUST_RUNS
