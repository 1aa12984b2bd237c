"""The command `evolve new`."""

import shlex
from pathlib import Path

import click

from evolve_ai.cli.loading import load
from evolve_ai.cli.options import say
from evolve_ai.model.errors import EvolveError
from evolve_ai.model.settings import Settings
from evolve_ai.pipelines.new_project import TEMPLATE, scaffold
from evolve_ai.pipelines.new_task import scaffold_task, task_languages
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.system.project import Project


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--task",
    "language",
    type=click.Choice(task_languages()),
    help="Scaffold a task for `evolve improve` in this language.",
)
def new(folder: Path, language: str | None) -> None:
    """Scaffold a project, or a task to improve a program, in FOLDER."""
    if language is None:
        _new_project(folder)
    else:
        _new_task(folder, language)


def _new_project(folder: Path) -> None:
    made = scaffold(folder)
    _say_what_is_there(folder, made)
    folder_of_genes = f"{TEMPLATE}/{NAMES.folder}"
    paths = (str(path).removeprefix(f"{TEMPLATE}/") for path in made)
    genes = sum(1 for path in paths if NAMES.is_path(path))
    say(f"\n{genes} gene files are in {folder_of_genes}, settings in evolve.toml.")
    say(f"Next: cd {shlex.quote(str(folder))} && evolve init 100 && evolve life-cycle")


def _new_task(folder: Path, language: str) -> None:
    made = scaffold_task(folder, language)
    _say_what_is_there(folder, made)
    missing = _missing_toolchain(folder, language)
    if missing:
        say(f"\nwarning: {missing}", err=True, fg="yellow")
    there = shlex.quote(str(folder))
    say("\nThe task is described in README.md, its settings are in task.toml.")
    say(f"Next: evolve improve {there} --for 60s")


def _say_what_is_there(folder: Path, made: list[Path]) -> None:
    for path in made:
        if len(path.parts) == 1:
            say(f"  {path}{'/' if (folder / path).is_dir() else ''}")


def _missing_toolchain(folder: Path, language: str) -> str:
    """What is missing to run programs of this language, and what to do; "" where nothing is."""
    try:
        load("plugins:language_of")(Project(folder, Settings()), language).toolchain()
    except EvolveError as error:
        return f"{error.what}; {error.todo}" if error.todo else error.what
    return ""
