"""The command `evolve new`."""

import shlex
from pathlib import Path

import click

from evolve_ai.cli.options import say
from evolve_ai.pipelines.new_project import TEMPLATE, scaffold
from evolve_ai.substrates.rust.gene_names import NAMES


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Scaffold a project in FOLDER."""
    made = scaffold(folder)
    for path in made:
        if len(path.parts) == 1:
            say(f"  {path}{'/' if (folder / path).is_dir() else ''}")
    folder_of_genes = f"{TEMPLATE}/{NAMES.folder}"
    paths = (str(path).removeprefix(f"{TEMPLATE}/") for path in made)
    genes = sum(1 for path in paths if NAMES.is_path(path))
    say(f"\n{genes} gene files are in {folder_of_genes}, settings in evolve.toml.")
    say(f"Next: cd {shlex.quote(str(folder))} && evolve init 100 && evolve life-cycle")
