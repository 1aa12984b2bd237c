"""A share of the fuzzing that campaign.py does at length, in seconds, from the same seeds."""

import importlib.util
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import campaign
import pytest
from campaign import HERE, PYTHON, RUST, Broken, fuzz
from made_once import ROOT, made_once
from mutator import mutator
from seeds import seeds
from targets import BEFORE_BODY, TARGETS, Genomes, Judge

SHARE = {"settings": 300, "words": 2000}
PYTHON_RUNS = 3000
RUST_RUNS = 200_000
SEED = "-seed=1"

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python"
)


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


def changed(target: str, count: int) -> Iterator[bytes]:
    """The seeds, then others made of them; the same ones each time."""
    rng = random.Random(target)
    pool = seeds(target)
    yield from pool
    mutate = mutator(BEFORE_BODY.get(target, 0))
    for _ in range(count):
        pool.append(mutate(rng.choice(pool), 4096, rng.getrandbits(32)))
        yield pool[-1]


@pytest.mark.parametrize("target", [name for name in PYTHON if name != "genomes"])
def test_no_bytes_break_a_promise(target: str) -> None:
    for data in changed(target, SHARE.get(target, PYTHON_RUNS)):
        TARGETS[target](data)


def test_no_genome_is_read_by_one_language_only(judge: Judge) -> None:
    for data in changed("genomes", PYTHON_RUNS):
        Genomes(judge)(data)


@needs_atheris
@pytest.mark.parametrize("target", PYTHON)
def test_coverage_leads_to_no_bytes_that_break_a_promise(
    target: str, judge_program: Path, tmp_path: Path
) -> None:
    runs = SHARE.get(target, PYTHON_RUNS)
    program = [*campaign.OURS, target, *([str(judge_program)] if target == "genomes" else [])]
    assert fuzz(program, target, runs, tmp_path / target, SEED).runs >= runs


@pytest.mark.parametrize("target", RUST)
def test_coverage_leads_rust_to_no_bytes_that_break_a_promise(
    target: str, rust_fuzzers: Path, tmp_path: Path
) -> None:
    found = fuzz([str(rust_fuzzers / target)], target, RUST_RUNS, tmp_path / target, SEED)
    assert found.runs >= RUST_RUNS


# That a broken promise is seen.


def test_judge_that_takes_everything_is_contradicted() -> None:
    yes_man = Judge(Path(shutil.which("cat") or "cat"))
    try:
        with pytest.raises(AssertionError, match="kernel"):
            Genomes(yes_man)(b"\x80")
    finally:
        yes_man.close()


@needs_atheris
def test_input_that_breaks_a_promise_ends_the_run_and_is_kept(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="AssertionError: kernel"):
        fuzz([*campaign.OURS, "genomes", "cat"], "genomes", 100, tmp_path / "genomes", SEED)
    assert list((tmp_path / "genomes").glob("crash-*"))


@pytest.mark.parametrize(
    ("target", "broken"),
    [
        ("frames", "evolve_ai.model.frame._refuse_large"),
        ("acts", "targets.parse_act"),
        ("journals", "evolve_ai.colony.journal._exit"),
        ("settings", "targets.parse_settings"),
        ("words", "evolve_ai.ui.plain._named"),
    ],
)
def test_error_of_another_kind_is_seen(
    target: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, fails)
    with pytest.raises(ZeroDivisionError):
        for data in changed(target, 0):
            TARGETS[target](data)
