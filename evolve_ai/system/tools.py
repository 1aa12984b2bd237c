"""Finds the tools of the user's machine, and makes the environment that they run in."""

import os
from collections.abc import Mapping
from pathlib import Path

# The variables that reach a build; RUSTFLAGS and CARGO_* would change its result.
_KEPT = (
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "TMPDIR",
    "LD_LIBRARY_PATH",
)
SET = {
    "CARGO_TERM_COLOR": "never",
    "RUSTUP_AUTO_INSTALL": "0",
    "LC_ALL": "C",
}


def tool_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a build, without variables that could change what a compiler makes."""
    kept = {name: environ[name] for name in _KEPT if name in environ}
    return {**kept, **SET, "PATH": tool_path(environ)}


def tool_path(environ: Mapping[str, str]) -> str:
    """The PATH of a build, with rustup's folder at the end, since cron's PATH lacks it."""
    path = environ.get("PATH", os.defpath)
    home = environ.get("CARGO_HOME") or str(Path(environ.get("HOME") or Path.home()) / ".cargo")
    added = str(Path(home) / "bin")
    return path if added in path.split(os.pathsep) else f"{path}{os.pathsep}{added}"
