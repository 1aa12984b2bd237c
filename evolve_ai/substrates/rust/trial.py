"""Builds a program of one line as those of agents are built, to see whether that can be done."""

from pathlib import Path

from evolve_ai.model.errors import MachineError, ToolchainError
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.area import TRIAL, TrialArea
from evolve_ai.substrates.rust.cargo import CargoReport, first_error, said_of_no_place
from evolve_ai.substrates.rust.compiler import FILE_BYTES, Compiler
from evolve_ai.substrates.rust.machine import is_starved, raise_if_disk, starved_error
from evolve_ai.substrates.rust.profile import rust_flags
from evolve_ai.system.commands import Ending, Limits, run_command
from evolve_ai.system.processes import ENVIRONMENT
from evolve_ai.system.refusals import refusal

_SECONDS = 60.0
_RUN = Limits(total=20.0, silence=20.0)
_TODO = (
    "install a C compiler with its libraries (on Debian gcc and libc6-dev), and a Rust toolchain "
    "that is whole"
)


def trial(compiler: Compiler, folder: Path, settings: BuildSettings) -> str:
    """How it went. ToolchainError with the first error, StorageError, MachineError."""
    area, report = TrialArea(folder, rust_flags(settings)), CargoReport()
    done = compiler.build(area, TRIAL, report.hear, _SECONDS)
    told = done.stderr.decode("utf-8", "replace")
    if done.ending is not Ending.EXITED:
        raise ToolchainError(
            f"one line takes longer than its {done.ending}", todo="free the machine"
        )
    if done.code != 0 or report.program is None:
        said = said_of_no_place(report, done)
        raise_if_disk(said, folder, FILE_BYTES)
        if refused := refusal(said, what="no compiler can be run"):
            raise refused
        if is_starved(said):
            raise starved_error(compiler.memory, folder)
        raise ToolchainError(first_error(report, told), todo=_TODO)
    ran = run_command(
        [str(area.target.made(report.program))], cwd=folder, env=ENVIRONMENT, limits=_RUN
    )
    if ran.code != 0:
        said = ran.stderr.decode("utf-8", "replace").strip()[:300]
        raise MachineError(f"what was compiled does not run: {ran.code} {said}", todo=_TODO)
    return f"one line is compiled, linked and run in {done.seconds:.1f} s"
