"""Owns false toolchains: a rustc and a cargo that first do what a test says."""

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path

SYSROOT = "EVOLVE_TEST_SYSROOT"


@cache
def real_sysroot() -> Path:
    """That of the compiler which false tools call in the end."""
    told = os.environ.get(SYSROOT)
    return Path(told or subprocess.check_output(["rustc", "--print", "sysroot"], text=True).strip())


def false_tools(folder: Path, rustc: str = "", cargo: str = "") -> dict[str, str]:
    """The PATH of a toolchain, in a folder that is called "bin", whose rustc and cargo run these
    scripts first; `$REAL` is the real one. They run in the box of a build: it may write only below
    `$CARGO_TARGET_DIR`, and what is real is there only where the box has `real_sysroot()`."""
    real = real_sysroot() / "bin"
    folder.mkdir(parents=True)
    sysroot = f'if [ "$*" = "--print sysroot" ]; then echo {folder.parent}; exit; fi\n'
    for name, text in {"cargo": cargo, "rustc": sysroot + rustc}.items():
        file, program = folder / name, shlex.quote(str(real / name))
        file.write_text(f'#!/bin/sh\nREAL={program}\n{text}\nexec "$REAL" "$@"\n')
        file.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}
