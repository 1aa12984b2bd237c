"""Opens what compiles the programs of a task, as its settings say."""

from pathlib import Path

from evolve_ai.colony.keeper_program import keeper_program
from evolve_ai.contracts.program_builder import ProgramBuilder
from evolve_ai.model.sandbox import EVERYTHING, Confinement
from evolve_ai.session.search_project import TaskFolder
from evolve_ai.substrates.rust.task_builder import CargoBuilder, TaskBuild


def program_builder(found: TaskFolder, workspace: Path, unsafe: bool) -> ProgramBuilder | None:
    """None where nothing is compiled. Compilers run in boxes as those of agents do, but with
    `unsafe`.

    Raises TaskError for a task that cannot be built, ToolchainError where there is no compiler or
    crates cannot be fetched.
    """
    task = found.task
    if not task.evaluate.build:
        return None
    readable = tuple(Path(path) for path in task.limits.readable)
    lifted = EVERYTHING if unsafe else frozenset()

    def confine() -> Confinement:
        return Confinement(keeper_program(workspace), readable, lifted=lifted)

    asked = TaskBuild(found.files, task.crates, task.together)
    builder = CargoBuilder(asked, workspace, confine)
    builder.prepare()
    return builder
