"""The attacker, compiled once for all runs."""

from pathlib import Path

import pytest
from made_once import rust_program

SOURCE = Path(__file__).parent / "attacker" / "main.rs"


OPTIONS = ("-O", "-C", "panic=abort", "-C", "strip=symbols", "-D", "warnings")


@pytest.fixture(scope="session")
def attacker() -> Path:
    return rust_program(SOURCE, *OPTIONS)
