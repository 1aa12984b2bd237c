"""The example examples/improve/matmul, shortly: it searches, measures and draws."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "improve" / "matmul"
CONFUSING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is missing")
def test_example_searches_measures_and_draws(tmp_path: Path) -> None:
    project = tmp_path / "matmul"
    before = {path: path.read_bytes() for path in EXAMPLE.iterdir() if path.is_file()}
    environment = {key: text for key, text in os.environ.items() if key not in CONFUSING}
    done = subprocess.run(
        [EXAMPLE / "run.sh", "600", project],
        env={**environment, "CANDIDATES": "8"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BLAS, one thread" in done.stdout and "times as fast as the naive" in done.stdout
    candidates = json.loads((project / "candidates.json").read_text())
    assert candidates[0]["score"] > 0 and max(one["number"] for one in candidates) == 8
    seconds = json.loads((project / "measured.json").read_text())["seconds"]
    assert set(seconds["evolved"]) == {"500", "512", "768"}
    assert (project / "progress.png").stat().st_size < 60_000
    assert (project / "best" / "matmul.cpp").read_text().count("EVOLVE-BLOCK") == 2
    assert {path: path.read_bytes() for path in EXAMPLE.iterdir() if path.is_file()} == before
