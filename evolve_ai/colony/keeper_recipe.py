"""What the keeper is compiled from, with which options, and the key that comes of both.

It imports nothing of ours, since the build of a wheel loads this file alone (hatch_build.py): what
is shipped, cached and compiled here goes by one key.
"""

import hashlib
import platform
from pathlib import Path

PROGRAM = "evolve-keeper"
USAGE = 2  # exit code of a keeper that is told too little
_KEEPER = Path(__file__).parents[1] / "keeper"
SOURCE = _KEEPER / "src"
_OPTIONS = ("--edition", "2021", "-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols")
_STATIC = ("-C", "target-feature=+crt-static")


def key() -> str:
    """What the program is made of, without asking a compiler that may not be there any more."""
    digest = hashlib.sha256(f"{platform.machine()} {' '.join(_OPTIONS + _STATIC)}".encode())
    for file in sorted(SOURCE.glob("*.rs")):
        digest.update(f" {file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def shipped() -> Path:
    """Where the program of these sources lies in a package that comes with it."""
    return _KEEPER / "bin" / key() / PROGRAM


def command(program: Path, *, static: bool = True) -> tuple[str, ...]:
    """The words that compile it. A static one needs nothing of the machine that it runs on."""
    options = _OPTIONS + _STATIC if static else _OPTIONS
    # What a panic says names no folder of whoever compiled it.
    remap = f"--remap-path-prefix={SOURCE}=keeper"
    return ("rustc", *options, remap, "-o", str(program), str(SOURCE / "main.rs"))
