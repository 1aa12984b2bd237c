"""The command `evolve import`."""

from pathlib import Path
from typing import Any

import click

from evolve_ai.cli.options import project_option, say, unsafe_option
from evolve_ai.cli.working import expect_keeper, open_project, terms
from evolve_ai.model.errors import EvolveError
from evolve_ai.pipelines import runs
from evolve_ai.plugins import assemble
from evolve_ai.ui.plain import one_line


@click.command("import")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@unsafe_option
@project_option
def import_(folder: Path, unsafe: bool, **at: Any) -> None:
    """Found agents from folders made elsewhere: FOLDER is an agent's, or contains several."""
    project = open_project(**at)
    expect_keeper(project)
    imported = runs.take_in(project, assemble, folder, terms(unsafe))
    for agent in imported.founded:
        say(f"  imported {agent.id}")
    for path, reason in imported.refused:
        say(f"  refused  {one_line(str(path))}: {reason}", err=True)
    if imported.refused:
        raise EvolveError(
            f"{len(imported.founded)} imported, {len(imported.refused)} refused", where=folder
        )
