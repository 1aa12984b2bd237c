"""Compiles the keeper from the source that is shipped, once for a workspace."""

import hashlib
import os
import platform
import shutil
from pathlib import Path

from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.files import storage_errors
from evolve_ai.system.listing import programs_running
from evolve_ai.system.refusals import refusal
from evolve_ai.system.tools import tool_environment, tool_path
from evolve_ai.system.trees import discard

PROGRAM = "evolve-keeper"
_SOURCE = Path(__file__).parents[1] / "keeper" / "src"
_LIMITS = Limits(total=120.0, silence=120.0)
_OPTIONS = ("--edition", "2021", "-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols")
_HOW = (
    "install Rust with rustup, or your system's package `rustc`, "
    "and see that `rustc --version` works in this shell"
)


def keeper_program(workspace: Path) -> Path:
    """The program for this machine; the compiler is called only where it is not there yet.

    Those of other versions go, as soon as nobody runs them. ToolchainError when it has to be
    compiled and cannot be, StorageError when the disk refuses.
    """
    program = workspace.absolute() / "keeper" / _key() / PROGRAM
    if not program.is_file():
        with storage_errors(program):
            program.parent.mkdir(parents=True, exist_ok=True)
            _compile(program)
    _prune(program.parent)
    return program


def is_compiled(workspace: Path) -> bool:
    """Is the program there already? If not, the first who needs it waits for a compiler."""
    return (workspace.absolute() / "keeper" / _key() / PROGRAM).is_file()


def _key() -> str:
    """What the program is made of, without asking a compiler that may not be there any more."""
    digest = hashlib.sha256(f"{platform.machine()} {' '.join(_OPTIONS)}".encode())
    for file in sorted(_SOURCE.glob("*.rs")):
        digest.update(f" {file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _prune(ours: Path) -> None:
    others = [folder for folder in ours.parent.iterdir() if folder != ours]
    if others:
        running = programs_running()
        for folder in others:
            if folder.resolve() / PROGRAM not in running:
                discard(folder)


def _compile(program: Path) -> None:
    environment = tool_environment(os.environ)
    if shutil.which("rustc", path=tool_path(os.environ)) is None:
        raise ToolchainError("`rustc` is not on the PATH, the keeper needs it once", todo=_HOW)
    # Two that compile at once do not meet, and a half-written program never has the final name.
    draft = program.with_name(f".{PROGRAM}.{os.getpid()}")
    try:
        argv = ("rustc", *_OPTIONS, "-o", str(draft), str(_SOURCE / "main.rs"))
        done = run_command(argv, cwd=program.parent, env=environment, limits=_LIMITS)
        if done.ending is not Ending.EXITED:
            raise ToolchainError(f"rustc has not finished in {done.seconds:.0f} s", todo=_HOW)
        if done.code != 0:
            told = done.stderr.decode("utf-8", "replace").strip()
            if refused := refusal(told, what="the keeper cannot be compiled"):
                raise refused
            told = told[:500]
            raise ToolchainError(
                f"the keeper does not compile: {told or f'exit status {done.code}'}",
                where=_SOURCE,
                todo="see that there is room on the disk, and rustc 1.74 or newer",
            )
        draft.replace(program)
    finally:
        discard(draft)
