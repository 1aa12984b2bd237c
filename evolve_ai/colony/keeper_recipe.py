"""What the keeper is compiled from, with which options, and the key that results from both.

It imports nothing of this package, since the build of a wheel loads this file alone
(hatch_build.py). So shipped, cached and compiled programs are identified by one key.
"""

import hashlib
import platform
from pathlib import Path

PROGRAM = "evolve-keeper"
USAGE = 2  # exit code of a keeper that is started with too few arguments
_KEEPER = Path(__file__).parents[1] / "keeper"
SOURCE = _KEEPER / "src"
_OPTIONS = ("--edition", "2021", "-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols")
_STATIC = ("-C", "target-feature=+crt-static")


def key() -> str:
    """The hash of sources and options. It needs no compiler: that may be gone by now."""
    digest = hashlib.sha256(f"{platform.machine()} {' '.join(_OPTIONS + _STATIC)}".encode())
    for file in sorted(SOURCE.glob("*.rs")):
        digest.update(f" {file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def shipped() -> Path:
    """The path of the program in a package that ships it."""
    return _KEEPER / "bin" / key() / PROGRAM


def command(program: Path, *, static: bool = True) -> tuple[str, ...]:
    """The command that compiles it. A static program needs no libraries of the machine."""
    options = _OPTIONS + _STATIC if static else _OPTIONS
    # Keeps the folder of the person who compiled it out of panic messages.
    remap = f"--remap-path-prefix={SOURCE}=keeper"
    return ("rustc", *options, remap, "-o", str(program), str(SOURCE / "main.rs"))
