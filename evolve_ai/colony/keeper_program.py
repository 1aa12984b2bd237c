"""Puts the keeper's program into a workspace: copied from the package or cache, or compiled."""

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
    """The program for this machine. If the workspace lacks it, it is copied from this package or
    from the user's cache; if neither has it, it is compiled and then kept in that cache.

    Programs of other versions are removed once no process runs them. Raises ToolchainError when it
    cannot be compiled, StorageError when the disk fails.
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
    """True if keeper_program() would have to compile."""
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
    # Separate drafts for concurrent compilations; only a complete program gets the final name.
    with tempfile.TemporaryDirectory(prefix=".", dir=program.parent) as folder:
        draft = Path(folder) / PROGRAM
        # Not every machine has what static linking needs.
        if _complaint(draft, static=True) and (told := _complaint(draft, static=False)):
            raise ToolchainError(
                f"the keeper does not compile: {told[:500]}",
                where=SOURCE,
                todo="see that there is room on the disk, and rustc 1.74 or newer",
            )
        draft.chmod(0o755)
        draft.replace(program)


def _complaint(draft: Path, *, static: bool) -> str:
    """The compiler's error message; "" when it has made the program."""
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
