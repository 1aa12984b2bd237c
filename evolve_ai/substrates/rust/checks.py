"""What `evolve doctor` looks at for Rust: the compiler, cargo and a linker."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from evolve_ai.contracts.language import Check
from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.tools import tool_path

_TOOLS = (("cargo", "Rust"), ("rustc", "Rust"), ("cc", "gcc or clang"))
_LIMITS = Limits(total=20.0, silence=20.0)


def checks(home: Path) -> Sequence[Check]:
    """One for each tool; `home` is the project, since rustup goes by the folder."""
    return [(command, partial(_version, command, package, home)) for command, package in _TOOLS]


def _version(command: str, package: str, home: Path) -> str:
    todo = f"install {package}, and put it on PATH"
    environment = {**os.environ, "PATH": tool_path(os.environ)}
    try:
        done = run_command([command, "--version"], cwd=home, env=environment, limits=_LIMITS)
    except FileNotFoundError as error:
        raise ToolchainError(f"there is no `{command}`", todo=todo) from error
    if done.code:
        told = done.stderr.decode(errors="replace").strip() or str(done.ending)
        raise ToolchainError(told, todo=todo)
    return (done.stdout.decode(errors="replace").splitlines() or [""])[0]
