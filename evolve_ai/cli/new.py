"""The command `evolve new`."""

import shlex
from pathlib import Path

import click

from evolve_ai.cli.options import say
from evolve_ai.pipelines.new_project import scaffold


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def new(folder: Path) -> None:
    """Scaffold a project in FOLDER."""
    made = scaffold(folder)
    for path in made:
        if len(path.parts) == 1:
            say(f"  {path}{'/' if (folder / path).is_dir() else ''}")
    genes = sum(1 for path in made if path.parent.name == "genes" and path.name != "mod.rs")
    say(f"\n{genes} gene files are in agent_template/src/genes/, settings in evolve.toml.")
    say(f"Next: cd {shlex.quote(str(folder))} && evolve init 100 && evolve life-cycle")
