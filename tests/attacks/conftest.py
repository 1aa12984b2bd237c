"""The attacker, compiled once."""

import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "attacker" / "main.rs"


@pytest.fixture(scope="session")
def attacker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("attacker") / "attacker"
    options = [
        "--edition",
        "2021",
        "-O",
        "-C",
        "panic=abort",
        "-C",
        "strip=symbols",
        "-D",
        "warnings",
    ]
    subprocess.run(["rustc", *options, "-o", program, SOURCE], check=True, timeout=120)
    return program
