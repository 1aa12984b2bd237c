"""A share of the fuzzing that campaign.py does at length, in seconds, from the same seeds."""

import shutil
from pathlib import Path

import campaign
import pytest
from campaign import PYTHON, Broken, fuzz
from fuzz_shares import PYTHON_RUNS, SEED, changed, needs_atheris
from targets import TARGETS, Genomes, Judge

SHARE = {"settings": 300, "words": 2000}
ALONE = [name for name in PYTHON if name != "genomes"]


@pytest.mark.parametrize("target", ALONE)
def test_no_bytes_break_a_promise(target: str) -> None:
    for data in changed(target, SHARE.get(target, PYTHON_RUNS)):
        TARGETS[target](data)


@needs_atheris
@pytest.mark.parametrize("target", ALONE)
def test_coverage_leads_to_no_bytes_that_break_a_promise(target: str, tmp_path: Path) -> None:
    runs = SHARE.get(target, PYTHON_RUNS)
    program = [*campaign.OURS, target]
    assert fuzz(program, target, runs, tmp_path / target, SEED).runs >= runs


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
