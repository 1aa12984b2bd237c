"""Puts the keeper's program into a workspace: the shipped, the cached, or one compiled there."""

import os
import shutil
import tempfile
from pathlib import Path

from evolve_ai.colony.keeper_cache import cached, keep
from evolve_ai.colony.keeper_recipe import PROGRAM, SOURCE, command, key, shipped
from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.files import publish, storage_errors
from evolve_ai.system.listing import programs_running
from evolve_ai.system.refusals import refusal
from evolve_ai.system.tools import tool_environment, tool_path
from evolve_ai.system.trees import discard

_LIMITS = Limits(total=120.0, silence=120.0)
_HOW = (
    "install Rust with rustup, or your system's package `rustc`, "
    "and see that `rustc --version` works in this shell"
)


def keeper_program(workspace: Path) -> Path:
    """The program for this machine. Where it is not there yet it is copied from this package, or
    from the user's cache; where neither has it, it is compiled, and kept in that cache.

    Those of other versions go, as soon as nobody runs them. ToolchainError when it has to be
    compiled and cannot be, StorageError when the disk refuses.
    """
    program = _place(workspace)
    if not program.is_file():
        with storage_errors(program):
            program.parent.mkdir(parents=True, exist_ok=True)
            _fill(program)
    _prune(program.parent)
    return program


def is_there(workspace: Path) -> bool:
    return _place(workspace).is_file()


def needs_compiler(workspace: Path) -> bool:
    """Does the first who needs the program wait for a compiler?"""
    return not is_there(workspace) and _ready_made() is None


def _place(workspace: Path) -> Path:
    return workspace.absolute() / "keeper" / key() / PROGRAM


def _fill(program: Path) -> None:
    made = _ready_made()
    if made is None:
        _compile(program)
        keep(program)
    else:
        publish(program, made.read_bytes(), mode=0o755)


def _ready_made() -> Path | None:
    return shipped() if shipped().is_file() else cached()


def _prune(ours: Path) -> None:
    others = [folder for folder in ours.parent.iterdir() if folder != ours]
    if others:
        running = programs_running()
        for folder in others:
            if folder.resolve() / PROGRAM not in running:
                discard(folder)


def _compile(program: Path) -> None:
    if shutil.which("rustc", path=tool_path(os.environ)) is None:
        raise ToolchainError("`rustc` is not on the PATH, the keeper needs it once", todo=_HOW)
    # Two that compile at once do not meet, and a half-written program never has the final name.
    with tempfile.TemporaryDirectory(prefix=".", dir=program.parent) as folder:
        draft = Path(folder) / PROGRAM
        # Not every machine has the libraries to link statically.
        if _complaint(draft, static=True) and (told := _complaint(draft, static=False)):
            raise ToolchainError(
                f"the keeper does not compile: {told[:500]}",
                where=SOURCE,
                todo="see that there is room on the disk, and rustc 1.74 or newer",
            )
        draft.chmod(0o755)
        draft.replace(program)


def _complaint(draft: Path, *, static: bool) -> str:
    """What the compiler says that keeps it from making the program, or ""."""
    argv, environment = command(draft, static=static), tool_environment(os.environ)
    done = run_command(argv, cwd=draft.parent, env=environment, limits=_LIMITS)
    if done.ending is not Ending.EXITED:
        raise ToolchainError(f"rustc has not finished in {done.seconds:.0f} s", todo=_HOW)
    if done.code == 0:
        return ""
    told = done.stderr.decode("utf-8", "replace").strip()
    if refused := refusal(told, what="the keeper cannot be compiled"):
        raise refused
    return told or f"exit status {done.code}"
